-- Who of a list has a tag is looked up among those who have it.

CREATE INDEX contacts_by_tag ON contacts (account, tag, sid);
