-- What the connectors read from the binary log, after rows.sql with another @n.
USE gold;
SET time_zone = 'America/New_York';
UPDATE stamps SET ts = ts + INTERVAL 1 DAY, ts6 = NULL WHERE id = 2003;
SET time_zone = '+00:00';
UPDATE wall SET dt6 = '2024-11-03 01:30:00.5', d = NULL WHERE id = 2002;
DELETE FROM stamps WHERE id = 2004;
-- columns with defaults, from sessions in other zones
CREATE TABLE made (id INT NOT NULL PRIMARY KEY, ts TIMESTAMP NOT NULL DEFAULT '2001-07-03 04:05:06');
INSERT INTO made (id) VALUES (1);
ALTER TABLE wall ADD t6 TIME(6) NOT NULL DEFAULT '01:02:03.5', ADD d6 DATETIME(6) NOT NULL DEFAULT '2024-03-10 02:30:00.123456';
INSERT INTO wall (id) VALUES (3001);
-- durations that are no time of day
INSERT INTO clocks VALUES (3001,'-838:59:59','-838:59:58.9','838:59:58.99','-00:00:00.001','-00:00:00.0001','24:00:00.00001','-24:00:00.000001');
INSERT INTO clocks VALUES (3002,'838:59:59','100:00:00.1','-100:00:00.01','25:00:00.001','-25:00:00.0001','838:59:58.99999','-838:59:58.999999');
-- the end
INSERT INTO ints VALUES (999999, 1);
UPDATE ints SET i4 = 2 WHERE id = 999999;
