"""What a cell of a CSV file says, and how one is written that a spreadsheet does not run."""

from dialbook.model.text import bare_number

# A spreadsheet takes a cell that begins so for a formula, and runs it (OWASP, CSV injection). An apostrophe in front
# makes it a text; where one stands already, a second one is put, so that an import can take exactly one away.
FORMULA = (*"=+-@", *"\uff1d\uff0b\uff0d\uff20", *"\t\r'")  # the first four as full-width characters, too


def harmless(value: str | None) -> str | None:
    """The value as a spreadsheet can be given it."""
    return f"'{value}" if value and value.startswith(FORMULA) else value


def cell_value(cell: str) -> str:
    """What a cell says: without blanks around it, and without the apostrophe that an export puts before a formula."""
    text = cell if cell.startswith("'") else cell.strip()
    return (text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text).strip()


def number_value(cell: str) -> str:
    """What a cell with a number says, without what spreadsheets and data frames make of one."""
    return bare_number(cell_value(cell))
