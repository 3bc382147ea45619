"""The calling code of a number."""

import phonenumbers
import pytest

from dialbook.model.calling_codes import LONGEST, calling_code


@pytest.mark.parametrize("code", phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
def test_every_code_of_the_numbering_plans_is_found(code: int) -> None:
    for rest in ("000000", "123456", "999999"):
        number = f"+{code}{rest}"
        assert calling_code(number) == calling_code(number[:LONGEST]) == f"+{code}"
