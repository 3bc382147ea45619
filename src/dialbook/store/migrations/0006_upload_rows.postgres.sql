-- How many rows the file of an upload has, so that it can be told how much is left; unset of those before this step.
ALTER TABLE uploads ADD COLUMN row_count bigint;
