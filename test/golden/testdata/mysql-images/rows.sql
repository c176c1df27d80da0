-- Rows, inserted before the snapshot and again (with @n another number) in the stream, with full images.
USE gold;
SET binlog_row_image = FULL, binlog_row_value_options = '';
INSERT INTO blobs VALUES
  (@n+1, 1, 'one', x'00FF01', 'text one', 'tiny', x'0A0B', 'medium', '{"a": 1}', x'01'), (@n+2, 2, 'two', NULL, NULL, NULL, x'', '', NULL, NULL),
  (@n+3, 3, 'three', x'03', 'text three', 'tiny', x'03', 'medium', '[3]', x'03'), (@n+4, 4, 'four', x'04', 'text four', 'tiny', x'04', 'medium', '[4]', x'04'),
  (@n+5, 5, 'five', x'05', 'text five', 'tiny', x'05', 'medium', '[5]', x'05'), (@n+6, 6, 'six', x'06', 'text six', 'tiny', x'06', 'medium', '[6]', x'06'),
  (@n+7, 7, 'seven', x'07', 'text seven', 'tiny', x'07', 'medium', '[7]', x'07');
INSERT INTO last_blob VALUES (@n+1, 1, 'text one'), (@n+2, 2, NULL), (@n+3, 3, 'text three'), (@n+4, 4, 'text four'), (@n+5, 5, 'text five');
INSERT INTO pair VALUES (@n+1, 'a', 1, 'text one'), (@n+2, 'b', 2, 'text two'), (@n+3, 'c', 3, 'text three'), (@n+4, 'd', 4, NULL);
INSERT INTO text_key VALUES (CONCAT('key ', @n+1), 1, 'text one'), (CONCAT('key ', @n+2), 2, 'text two'), (CONCAT('key ', @n+3), 3, 'text three');
INSERT INTO uniq VALUES (@n+1, CONCAT('u', @n+1), 'text one'), (@n+2, CONCAT('u', @n+2), 'text two'), (@n+3, CONCAT('u', @n+3), 'text three');
INSERT INTO nokey VALUES (@n+1, 'one', 'text one', '{"a": 1}'), (@n+2, 'two', NULL, NULL), (@n+3, 'three', 'text three', '[3]');
INSERT INTO narrow VALUES (@n+1, 1, 'one'), (@n+2, 2, NULL), (@n+3, 3, 'three'), (@n+4, 4, 'four'), (@n+5, 5, 'five');
INSERT INTO docs VALUES
  (@n+1, JSON_OBJECT('pad', REPEAT('p', 200), 'a', 1, 'o', JSON_OBJECT('d', 1.50), 'arr', JSON_ARRAY(1, 'two', 3)), 0, '{"k": 1}'),
  (@n+2, JSON_OBJECT('pad', REPEAT('p', 200), 'a', 2, 'gone', TRUE), 0, JSON_OBJECT('pad', REPEAT('q', 200), 'b', 'x')),
  (@n+3, JSON_ARRAY(REPEAT('p', 200), 1, JSON_OBJECT('z', NULL)), 0, NULL), (@n+4, NULL, 0, NULL), (@n+5, '{"small": true}', 0, NULL);
INSERT INTO docs_nokey VALUES (@n+1, JSON_OBJECT('pad', REPEAT('p', 200), 'a', 1)), (@n+2, JSON_OBJECT('pad', REPEAT('p', 200), 'a', 2));
INSERT INTO partly VALUES (@n+1, 1, 'one', 'text one'), (@n+2, 2, NULL, 'text two'), (@n+3, 3, 'three', NULL), (@n+4, 4, 'four', 'text four'), (@n+5, 5, 'five', 'text five');
INSERT INTO keyed VALUES (@n+1, 1, 'text one'), (@n+2, 2, NULL), (@n+3, 3, 'three');
