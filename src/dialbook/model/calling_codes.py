"""The country calling code that a number in E.164 begins with."""

import re
from functools import lru_cache

# ITU-T E.164 gives codes of three digits, but for these; no code is the beginning of another.
_CODE = re.compile(r"\+(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3})")

LONGEST = 4  # characters of a code, with its `+`


@lru_cache(1000)  # as many as there are beginnings
def calling_code(number: str) -> str:
    """`+91` of `+919845000001`; the number's first `LONGEST` characters are enough.

    Countries that share a code are not told apart: `+1` is North America's, `+7` Russia's and Kazakhstan's.

    Args:
        number: in E.164, or as much of it.
    """
    match = _CODE.match(number)
    return match[0] if match else ""
