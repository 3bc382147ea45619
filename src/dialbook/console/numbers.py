"""Numbers that are looked for, as they are pasted."""

from unicodedata import category

from dialbook.model.phone import normal_number


def searched_number(text: str, region: str) -> str:
    """The number in E.164, as `normal_number` reads it, without marks of direction, which are copied with it unseen."""
    return normal_number("".join(char for char in text if category(char) != "Cf"), region)
