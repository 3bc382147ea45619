"""Numbers that are looked for, as they are pasted."""

from string import whitespace
from unicodedata import category

from dialbook.model.phone import normal_number

# Phones and web pages put marks of direction around a number, which are copied with it and which nobody sees.
_UNSEEN = whitespace + "".join(char for char in map(chr, range(0x10000)) if category(char) == "Cf")


def searched_number(text: str, region: str) -> str:
    """The number in E.164, as `normal_number` reads it, without what is unseen around it."""
    return normal_number(text.strip(_UNSEEN), region)
