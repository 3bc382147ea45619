-- The moment of the last change of what is in a book; no later change is dated before it.

ALTER TABLE books ADD COLUMN updated TEXT NOT NULL DEFAULT '';
