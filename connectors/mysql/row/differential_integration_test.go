//go:build integration

package row

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var indiaTime = time.FixedZone("+05:30", 5*3600+30*60)

// differentialColumns are column definitions with values (SQL) that the snapshot and the stream must read alike.
var differentialColumns = []struct {
	def    string
	values string // separated by |
}{
	{"TINYINT", "-128|127|0"}, {"TINYINT UNSIGNED", "0|255"}, {"TINYINT(3) ZEROFILL", "7|255"}, {"SMALLINT", "-32768|32767"},
	{"SMALLINT UNSIGNED", "65535"}, {"MEDIUMINT", "-8388608|8388607"}, {"MEDIUMINT UNSIGNED", "16777215"},
	{"INT", "-2147483648|2147483647"}, {"INT UNSIGNED", "4294967295"}, {"INT(8) ZEROFILL", "12"},
	{"BIGINT", "-9223372036854775808|9223372036854775807"}, {"BIGINT UNSIGNED", "0|18446744073709551615"},
	{"DECIMAL(65,30)", "12345678901234567890123456789012345.123456789012345678901234567890|-1|0"}, {"DECIMAL(10,4) ZEROFILL", "1.5"},
	{"DECIMAL(18,9)", "-123456789.987654321|0.000000001"}, {"DECIMAL(19,0)", "9999999999999999999|-9223372036854775808"}, {"DECIMAL(5,5)", "-0.99999|0.1"},
	{"FLOAT", "3.4028234663852886e38|-1e-37|0.1|16777217|1.17549435e-38"}, {"FLOAT(7,3)", "1234.567|-0.001"}, {"FLOAT(53)", "0.1"},
	{"DOUBLE", "1.7976931348623157e308|5e-324|-0.1|123456789012345680"}, {"DOUBLE(10,2)", "12345678.91"}, {"REAL", "0.3"},
	{"DATE", "'0000-00-00'|'2024-02-30'|'1582-10-10'|'9999-12-31'|'0001-01-01'|'0070-05-05'|'2024-00-05'"},
	{"DATETIME", "'0000-00-00'|'0000-05-06 00:00:00'|'1582-10-10 10:10:10'|'9999-12-31 23:59:59'|'1000-01-01'|'0069-01-01'"},
	{"DATETIME(1)", "'2024-01-02 03:04:05.6'"}, {"DATETIME(2)", "'2024-01-02 03:04:05.67'"}, {"DATETIME(3)", "'1969-12-31 23:59:59.999'"},
	{"DATETIME(4)", "'1969-12-31 23:59:59.9999'"}, {"DATETIME(5)", "'2024-01-02 03:04:05.67891'"}, {"DATETIME(6)", "'0099-12-31 23:59:59.999999'"},
	{"TIMESTAMP NULL", "'1970-01-01 00:00:01'|'2038-01-19 03:14:07'|0"}, {"TIMESTAMP(1) NULL", "'2024-01-02 03:04:05.5'"},
	{"TIMESTAMP(3) NULL", "'2024-01-02 03:04:05.5'"}, {"TIMESTAMP(6) NULL", "'2024-01-02 03:04:05.000001'"},
	{"TIME", "'-838:59:59'|'838:59:59'|'00:00:00'|'-00:00:01'"}, {"TIME(1)", "'-00:00:00.1'|'01:02:03.4'"}, {"TIME(2)", "'-01:02:03.45'"},
	{"TIME(3)", "'-23:59:59.999'|'100:00:00.001'"}, {"TIME(4)", "'-00:00:00.0001'"}, {"TIME(5)", "'-838:59:58.99999'"},
	{"TIME(6)", "'-838:59:58.999999'|'-00:00:00.000001'|'12:00:00.5'"},
	{"YEAR", "1901|2155|0|2000"}, {"BIT(1)", "b'1'|b'0'"}, {"BIT(7)", "b'1010101'"}, {"BIT(9)", "b'100000001'"}, {"BIT(64)", "b'1'|x'8000000000000001'"},
	{"ENUM('a','b,c','it''s','ü')", "'a'|'b,c'|'it''s'|'ü'|0"}, {"ENUM('x','é') CHARACTER SET latin1", "'é'"}, {"SET('a','b','ü')", "'a,ü'|''|'b'"},
	{"ENUM('中','文') CHARACTER SET gbk", "'文'"}, {"ENUM('a','b') CHARACTER SET utf16", "'b'"},
	{"CHAR(10)", "'abc'|''|'trailing  '"}, {"CHAR(255)", "'ü😀'|REPEAT('😀',255)"}, {"VARCHAR(10)", "'a b '"}, {"VARCHAR(1000)", "REPEAT('é',1000)|''"},
	{"CHAR(10) CHARACTER SET latin1", "'café'|_latin1 x'808182'"}, {"VARCHAR(20) CHARACTER SET gbk", "'中文'|'abc'"},
	{"VARCHAR(20) CHARACTER SET sjis", "'日本'"}, {"VARCHAR(20) CHARACTER SET cp932", "'日本①'"}, {"VARCHAR(20) CHARACTER SET ujis", "'日本'"},
	{"VARCHAR(20) CHARACTER SET big5", "'中文'"}, {"VARCHAR(20) CHARACTER SET euckr", "'한국'"}, {"VARCHAR(20) CHARACTER SET gb18030", "'中😀'"},
	{"VARCHAR(20) CHARACTER SET ucs2", "'aü中'"}, {"VARCHAR(20) CHARACTER SET utf16", "'aü😀'"}, {"VARCHAR(20) CHARACTER SET utf16le", "'aü😀'"},
	{"VARCHAR(20) CHARACTER SET utf32", "'aü😀'"}, {"CHAR(5) CHARACTER SET ucs2", "'ab'"}, {"CHAR(100) CHARACTER SET utf32", "'x'"},
	{"VARCHAR(20) CHARACTER SET cp1251", "'Привет'"}, {"VARCHAR(20) CHARACTER SET koi8r", "'Привет'"}, {"VARCHAR(20) CHARACTER SET latin2", "'łódź'"},
	{"VARCHAR(20) CHARACTER SET latin5", "'ğş'"}, {"VARCHAR(20) CHARACTER SET latin7", "'ąž'"}, {"VARCHAR(20) CHARACTER SET greek", "'αβγ'"},
	{"VARCHAR(20) CHARACTER SET hebrew", "'אבג'"}, {"VARCHAR(20) CHARACTER SET cp1250", "'łódź'"}, {"VARCHAR(20) CHARACTER SET cp1256", "'مرحبا'"},
	{"VARCHAR(20) CHARACTER SET cp1257", "'ąž'"}, {"VARCHAR(20) CHARACTER SET cp850", "'éü'"}, {"VARCHAR(20) CHARACTER SET cp852", "'łó'"},
	{"VARCHAR(20) CHARACTER SET cp866", "'Привет'"}, {"VARCHAR(20) CHARACTER SET koi8u", "'їжак'"}, {"VARCHAR(20) CHARACTER SET tis620", "'สวัสดี'"},
	{"VARCHAR(20) CHARACTER SET ascii", "'abc'"}, {"VARCHAR(20) CHARACTER SET macroman", "'éü'"}, {"VARCHAR(20) CHARACTER SET eucjpms", "'日本'"},
	{"TEXT CHARACTER SET latin1", "'naïve'"}, {"TINYTEXT", "'t'"}, {"MEDIUMTEXT", "REPEAT('x',70000)"}, {"LONGTEXT", "'l'"},
	{"BINARY(6)", "x'0102'|x''|x'010203040506'"}, {"BINARY(255)", "'x'"}, {"VARBINARY(300)", "x'00FF00'|x''"}, {"BLOB", "x'DEADBEEF'|x''"},
	{"TINYBLOB", "x'00'"}, {"LONGBLOB", "REPEAT('z',70000)"},
	{"POINT", "ST_GeomFromText('POINT(1.5 -2)')"}, {"GEOMETRY", "ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0))')|ST_GeomFromText('POINT(52.5 13.4)',4326)"},
	{"MULTIPOLYGON", "ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')"}, {"GEOMETRYCOLLECTION", "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')"},
	{"VECTOR(3)", "STRING_TO_VECTOR('[1,2.5,-3]')"}, {"BOOLEAN", "TRUE|FALSE"}, {"INT INVISIBLE", "5"},
	{"JSON", strings.Join([]string{`'{"a": 1, "b": [true, null, 1.5, "x y: , "], "c": {"d": "é😀"}, "": {}}'`, `'[]'`, `'null'`, `'"text"'`, `'1'`, `'-1.5e-10'`,
		`'1e300'`, `'1e17'`, `'1e16'`, `'123456789012345678'`, `'1.0'`, `'100000000000000000000'`, `'0.0001'`, `'0.00001'`, `'1e-7'`, `'1.25e22'`, `'-0.0'`,
		`'18446744073709551615'`, `'[-32768, 32767, -32769, 65535, 65536, 2147483648, -9223372036854775808]'`, `'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f"'`,
		`JSON_OBJECT('d', CAST('2024-01-02' AS DATE), 't', CAST('-13:35:00.789' AS TIME(3)), 'dt', CAST('2024-01-02 03:04:05.5' AS DATETIME(6)))`,
		`JSON_ARRAY(CAST('838:59:59' AS TIME), CAST(1.50 AS DECIMAL(10,4)), CAST(-12345678901234567890.123 AS DECIMAL(30,3)), x'00FF', b'101', CAST('x' AS BINARY))`,
		`JSON_ARRAY(ST_GeomFromText('POINT(1 2)'), CAST(0 AS DECIMAL(5,2)), CAST(2024 AS YEAR), CAST('2024-05-06 01:02:03' AS DATETIME))`,
		`CONCAT('{"k":"', REPEAT('v', 70000), '"}')`, `CONCAT('[', REPEAT('1234567,', 20000), '1]')`, `JSON_ARRAY(0.1, 1e15, 123456.789, 3.14e-5, 5e-324)`,
		`JSON_ARRAY(1.7976931348623157e308, 1e18, 1e19, 1e20, 1e21, 1e22, 123456789012345678901e0, 1.5e18, 1.234567e19, 9.87e-6, 123456789012345.6e0, 1e14, 999999999999999e0, 1e-14, 1e-15, 1e-16, 1.2345678901234567e-10, 1.25e-15, 0e0, 12e0)`}, "|")},
}

func TestSnapshotAndStreamAgree(t *testing.T) {
	s := connect(t)
	s.drops("difftest")
	s.exec("CREATE DATABASE difftest CHARACTER SET utf8mb4")
	pos := s.position()
	for i, col := range differentialColumns {
		for _, null := range []string{"", " NOT NULL"} {
			name := fmt.Sprintf("difftest.t%d%s", i, strings.ToLower(strings.TrimPrefix(null, " NOT ")))
			def := col.def + null
			if null != "" {
				def = strings.TrimSuffix(col.def, " NULL") + null
			}
			s.exec("CREATE TABLE " + name + " (id INT AUTO_INCREMENT PRIMARY KEY, v " + def + ")")
			for _, v := range strings.Split(col.values, "|") {
				s.exec("INSERT INTO " + name + " (v) VALUES (" + v + ")")
			}
			if null == "" {
				s.exec("INSERT INTO " + name + " (v) VALUES (NULL)")
			}
		}
	}
	s.exec("CREATE TABLE difftest.end_marker (a INT); INSERT INTO difftest.end_marker VALUES (1)")
	images := s.stream(pos, "difftest", "end_marker")
	modes := []Options{{}, {Decimal: DecimalDouble, Binary: BinaryBase64, TimePrecision: TimeConnect, BigintUnsigned: BigintUnsignedPrecise},
		{Decimal: DecimalString, Binary: BinaryHex, TimePrecision: TimeISOString, NoTimeAdjuster: true},
		{Binary: BinaryBase64URL, TimePrecision: TimeNanoseconds, TinyintInt8: true}, {TimePrecision: TimeMicroseconds}}
	for i := range differentialColumns {
		for _, suffix := range []string{"", "null"} {
			table, _ := s.table("difftest", fmt.Sprintf("t%d%s", i, suffix))
			for _, o := range modes {
				c := newCodec(t, table, o)
				var mem Memory
				compareRows(t, c, s.snapshot(c, &mem, nil), decode(t, c, images, &mem))
			}
		}
	}
}

func TestTimestampsInAnyTimeZone(t *testing.T) {
	s := connect(t)
	s.drops("zonetest")
	s.exec("CREATE DATABASE zonetest; CREATE TABLE zonetest.t (id INT PRIMARY KEY, v TIMESTAMP(3) NULL)")
	pos := s.position()
	s.exec("INSERT INTO zonetest.t VALUES (1,'2024-07-01 12:00:00.5'),(2,NULL),(3,'1970-01-01 00:00:01'); CREATE TABLE zonetest.e (a INT); INSERT INTO zonetest.e VALUES (1)")
	images := s.stream(pos, "zonetest", "e")
	s.exec("SET time_zone='+05:30'")
	table, _ := s.table("zonetest", "t")
	c := newCodec(t, table, Options{Location: indiaTime})
	var mem Memory
	compareRows(t, c, s.snapshot(c, &mem, nil), decode(t, c, images, &mem))
}
