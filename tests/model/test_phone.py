"""Numbers, with the numbering library's own full check as the oracle."""

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dialbook.model.errors import Invalid, Missing
from dialbook.model.phone import REGIONS, is_international, normal_number, tail_of

COUNTRY_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
TYPES = range(11)


def by_the_library(text: str, region: str) -> str | None:
    """The library's verdict: E.164 when the number is valid, else None."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return to_e164(number) if phonenumbers.is_valid_number(number) else None


def to_e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def ours(text: str, region: str) -> str | None:
    try:
        return normal_number(text, region)
    except Invalid:
        return None


@st.composite
def near_numbers(draw: st.DrawFn) -> str:
    """An example number of some region and type, with up to three digits changed."""
    region = draw(st.sampled_from(sorted(REGIONS)))
    found = phonenumbers.example_number_for_type(region, draw(st.sampled_from(TYPES)))
    found = found or phonenumbers.example_number(region)
    assert found is not None
    digits = list(phonenumbers.national_significant_number(found))
    for _ in range(draw(st.integers(0, 3))):
        digits[draw(st.integers(0, len(digits) - 1))] = draw(st.sampled_from("0123456789"))
    return f"+{found.country_code}{''.join(digits)}"


random_numbers = st.builds(
    lambda code, rest: f"+{code}{rest}", st.sampled_from(COUNTRY_CODES), st.text("0123456789", min_size=3, max_size=13)
)


@given(near_numbers() | random_numbers)
@settings(max_examples=3000)
@example("+430193450232")
@example("+390612345678")
@example("+79161234567")
def test_international_numbers_get_the_librarys_verdict(text: str) -> None:
    assert ours(text, "IN") == by_the_library(text, "IN")


def test_an_example_of_each_type_in_each_plan_is_known_without_the_library() -> None:
    of_regions = (phonenumbers.example_number_for_type(region, kind) for region in REGIONS for kind in TYPES)
    of_none = map(phonenumbers.example_number_for_non_geo_entity, phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS)
    examples = {
        to_e164(number) for number in (*of_regions, *of_none) if number and phonenumbers.is_valid_number(number)
    }

    assert [number for number in examples if not is_international(number)] == []
    assert len(examples) > 1000


@given(near_numbers(), st.sampled_from(["IN", "SG", "US", "GB", "DE", "IT"]))
@settings(max_examples=500)
def test_national_forms_get_the_librarys_verdict(text: str, region: str) -> None:
    national = phonenumbers.format_number(phonenumbers.parse(text), phonenumbers.PhoneNumberFormat.NATIONAL)
    plain = "".join(char for char in national if char in "+0123456789")

    assert ours(plain, region) == by_the_library(plain, region)


@given(near_numbers(), st.sampled_from(sorted(REGIONS)))
@settings(max_examples=500)
def test_a_normal_form_is_its_own_normal_form(text: str, region: str) -> None:
    once = ours(text, region)

    assert once is None or ours(once, region) == once


@given(near_numbers(), st.lists(st.sampled_from(" -.()\u00a0\t"), min_size=1, max_size=4), st.data())
@settings(max_examples=300)
def test_blanks_dashes_brackets_and_dots_do_not_count(text: str, marks: list[str], data: st.DataObject) -> None:
    marked = text
    for mark in marks:
        place = data.draw(st.integers(0, len(marked)))
        marked = marked[:place] + mark + marked[place:]

    assert ours(marked, "IN") == ours(text, "IN")


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+91 98450 00000", "IN", "+919845000000"),
        ("9845000000", "IN", "+919845000000"),
        ("09845000000", "IN", "+919845000000"),
        ("919845000000", "IN", "+919845000000"),
        ("0091 98450 00000", "IN", "+919845000000"),
        ("080-2345 6789", "IN", "+918023456789"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("8123 4567", "SG", "+6581234567"),
    ],
)
def test_numbers_as_people_write_them(text: str, region: str, number: str) -> None:
    assert normal_number(text, region) == number


@pytest.mark.parametrize("text", ["+919845000000" + " " * 52 + "junk", "+919845000000" + " " * 60, "+" + "9" * 70])
def test_what_is_longer_than_any_number_is_none(text: str) -> None:
    assert ours(text, "IN") is None


@pytest.mark.parametrize("text", [None, ""])
def test_no_number_is_missing(text: str | None) -> None:
    with pytest.raises(Missing, match="Number is mandatory"):
        normal_number(text, "IN")


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_the_tail_of_a_number_is_in_it_however_it_is_dialled(region: str) -> None:
    examples = [phonenumbers.example_number_for_type(region, type_) for type_ in TYPES]
    for found in filter(None, examples):
        e164, national = (
            phonenumbers.format_number(found, form)
            for form in (phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.NATIONAL)
        )
        assert e164.endswith(tail_of(e164))
        assert "".join(filter(str.isdigit, national)).endswith(tail_of(e164))
        assert len(tail_of(e164)) >= 3


@pytest.mark.parametrize(("region", "local"), [("GG", "256191"), ("JE", "712345"), ("IM", "655625"), ("SM", "886377")])
def test_it_is_in_a_number_that_is_dialled_without_the_code_of_an_area(region: str, local: str) -> None:
    assert local.endswith(tail_of(normal_number(local, region)))


def test_a_number_of_no_country_has_a_tail() -> None:
    assert tail_of("+9991234567890") == "67890"
