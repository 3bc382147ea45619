"""A number is found in a text in whatever form it was written there, and another's is not taken for it."""

import json

import pytest

from dialbook.model.mention import mention_of

NUMBER = "+919845000077"
ARGENTINE = "+5491123456789"  # dialled there with a 15 in its midst, and without the 9


def refusal(number: str) -> str:
    return json.dumps(f"number {number!r} is not a phone number of any country's plan.")


@pytest.mark.parametrize(
    "text",
    [
        NUMBER,
        f'{{"number":"{NUMBER}","first_name":null}}',
        "erase-09845000077",
        "create-9845000077-1",
        "12-9845000077",
        "user12349845000077",
        "009198450 00077",
        "(098450)00077",
        "98450_000_77",
        "098450 000      77",
        "'9845000077.0",
        "9845000077.00",
        "98450\N{NON-BREAKING HYPHEN}00077",
        refusal("098450-00077-x"),
        refusal("098450 00077x"),
        refusal("098450\t00077-x"),
        json.dumps("098450\N{NO-BREAK SPACE}00077 at home"),
    ],
)
def test_a_number_is_found_in_any_form(text: str) -> None:
    assert mention_of(NUMBER, "IN")(text)


@pytest.mark.parametrize(
    "text", ["011 15-2345-6789", "sent-(011)1523456789.", ARGENTINE, "11 2345-6789-x 9 11 2345 6789"]
)
def test_one_with_other_digits_in_its_midst_is_found(text: str) -> None:
    assert mention_of(ARGENTINE, "AR")(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0077",
        "+919845000078",
        "98450 0077",
        '{"total":98450,"limit":77}',
        '["98450","00077"]',
        "98450a00077",
        "+919945000077",
        "+1 984 500 0077",
    ],
)
def test_another_is_not(text: str) -> None:
    assert not mention_of(NUMBER, "IN")(text)


@pytest.mark.parametrize(
    ("text", "number"), [("030123.000", "+4930123000"), ("030123.0", "+4930123"), ("030123.00", "+4930123")]
)
def test_three_zeros_behind_few_digits_are_digits(text: str, number: str) -> None:
    found = [each for each in ("+4930123000", "+4930123") if mention_of(each, "DE")(text)]

    assert found == [number]
