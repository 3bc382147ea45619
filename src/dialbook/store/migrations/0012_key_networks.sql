-- From where a key may be used: networks with commas between them; from anywhere without any. Of a token the hash may be
-- one that is sealed with the operator's secret, with that secret's mark before it.

ALTER TABLE api_keys ADD COLUMN networks TEXT;
