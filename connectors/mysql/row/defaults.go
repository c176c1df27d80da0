package row

import (
	"encoding/hex"
	"math"
	bigint "math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/data"
)

var (
	introducer = regexp.MustCompile(`^_[A-Za-z0-9]+'(.*)'$`)
	dateStart  = regexp.MustCompile(`^\s*(\d+)\D+(\d+)\D+(\d+)(?:\D+(\d+)(?:\D+(\d+)(?:\D+(\d+)(?:\.(\d{1,6}))?)?)?)?\s*$`)
	clock      = regexp.MustCompile(`^\s*(-?)(?:(\d+)\s+)?(?:(\d+):)?(\d+)(?::(\d+))?(?:\.(\d{1,6}))?\s*$`)
)

// defaultValue is the column's default as its schema has it (BinlogDefaultValueConverter); ok is false for none, for null, and for a
// default that cannot be read.
func (c *Codec) defaultValue(p *column) (v data.Value, ok bool) {
	if !p.src.HasDefault || p.src.Default == nil {
		return v, false
	}
	v, ok = c.constantDefault(p)
	if p.zeroDate { // as Debezium's ZeroDateFallbackConverter: the default of the schema is the fallback, whatever the column's
		v = p.fallback
	}
	if !ok || v.IsNull() {
		return data.Null(), false
	}
	if p.convert != nil {
		v = p.convert(v)
	}
	return v.Clone(), true
}

// constantDefault is the default of a column that has one other than null, as a row would have it before conversions.
func (c *Codec) constantDefault(p *column) (data.Value, bool) {
	s := *p.src.Default
	if g := introducer.FindStringSubmatch(s); g != nil {
		s = g[1]
	}
	var mem Memory
	return c.parseDefault(p, s, &mem)
}

func (c *Codec) parseDefault(p *column, s string, mem *Memory) (data.Value, bool) {
	switch p.op {
	case opText, opEnum, opSet, opJSON:
		return data.String(s), true
	case opBinary:
		return c.binary(p, binaryDefault(s), mem), true
	case opGeometry, opPoint, opVector:
		return data.Value{}, false
	}
	s = strings.TrimSpace(s)
	switch {
	case strings.EqualFold(s, "true"):
		s = "1"
	case strings.EqualFold(s, "false"):
		s = "0"
	}
	switch p.op {
	case opBool:
		return data.Bool(strings.Trim(s, "0") != ""), s != ""
	case opBits:
		n, err := strconv.ParseUint(s, 2, 64)
		if err != nil {
			n, err = strconv.ParseUint(s, 10, 64)
		}
		return p.bits(bigEndian(n), mem), err == nil
	case opYear:
		return p.yearDefault(s)
	case opInt, opUint:
		return p.integerDefault(s)
	case opBigUint, opDecimal:
		return c.decimalDefault(p, s, mem)
	case opFloat: // the default is the text's double, though rows have the single's
		f, err := strconv.ParseFloat(s, 64)
		return data.Float64(f), err == nil
	case opFloat32, opDouble:
		f, err := strconv.ParseFloat(s, 64)
		return p.float(f), err == nil
	case opTime:
		return c.timeDefault(p, s, mem)
	default:
		return c.dateDefault(p, s, mem)
	}
}

// binaryDefault is the bytes of a binary default: 0x00FF, or text with MySQL's escapes (\0).
func binaryDefault(s string) []byte {
	if strings.HasPrefix(s, "0x") {
		if b, err := hex.DecodeString(s[2:]); err == nil {
			return b
		}
	}
	if !strings.Contains(s, `\`) {
		return []byte(s)
	}
	return []byte(strings.NewReplacer(`\0`, "\x00", `\\`, `\`, `\'`, "'", `\n`, "\n", `\r`, "\r", `\t`, "\t", `\Z`, "\x1a").Replace(s))
}

func bigEndian(n uint64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[7-i] = byte(n >> (8 * i))
	}
	return b
}

// integerDefault rounds decimals, and clamps as Java's Math.round(double) does: the default 18446744073709551615 of a BIGINT UNSIGNED
// becomes 9223372036854775807.
func (p *column) integerDefault(s string) (data.Value, bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return data.Value{}, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return p.integer(n), true
	}
	switch f = math.Floor(f + 0.5); {
	case f >= math.MaxInt64:
		return p.integer(math.MaxInt64), true
	case f <= math.MinInt64:
		return p.integer(math.MinInt64), true
	}
	return p.integer(int64(f)), true
}

// yearDefault takes years of two digits as MySQL does: 69 is 2069, 70 is 1970.
func (p *column) yearDefault(s string) (data.Value, bool) {
	if n, err := strconv.Atoi(s); err == nil && n > 0 && n < 100 {
		if n += 1900; n < 1970 {
			n += 100
		}
		s = strconv.Itoa(n)
	}
	return p.integerDefault(s)
}

func (c *Codec) decimalDefault(p *column, s string, mem *Memory) (data.Value, bool) {
	r, ok := new(bigint.Rat).SetString(s)
	if !ok || len(s) > 100 {
		return data.Value{}, false
	}
	text := r.FloatString(int(p.scale)) // rounds half away from zero, as HALF_UP does
	return c.textDecimal(p, []byte(text), mem)
}

func (c *Codec) timeDefault(p *column, s string, mem *Memory) (data.Value, bool) {
	if g := dateStart.FindStringSubmatch(s); g != nil && strings.ContainsAny(s, " T") {
		s = g[4] + ":" + g[5] + ":" + g[6]
	}
	g := clock.FindStringSubmatch(s)
	if g == nil {
		return data.Value{}, false
	}
	num := func(t string) int64 { n, _ := strconv.ParseInt(t, 10, 32); return n }
	h, m, sec := num(g[3])+24*num(g[2]), num(g[4]), num(g[5])
	if g[3] == "" { // a plain number is HHMMSS
		n := num(g[4])
		h, m, sec = n/10000, n/100%100, n%100
	}
	micros := (h*3600+m*60+sec)*1_000_000 + num((g[6] + "000000")[:6])
	return c.time(p, sign(g[1] == "-", micros), mem), true
}

func (c *Codec) dateDefault(p *column, s string, mem *Memory) (data.Value, bool) {
	g := dateStart.FindStringSubmatch(s)
	if g == nil {
		if s == "0" {
			return p.missing(), true
		}
		return data.Value{}, false
	}
	num := func(t string) int { n, _ := strconv.Atoi(t); return n }
	y, m, d := num(g[1]), num(g[2]), num(g[3])
	micros := int64(num(g[4])*3600+num(g[5])*60+num(g[6]))*1_000_000 + int64(num((g[7] + "000000")[:6]))
	switch p.op {
	case opDate:
		return c.date(p, y, m, d, mem), true
	case opDatetime:
		return c.datetime(p, y, m, d, micros, mem), true
	default: // the default's text has no zone: Debezium reads it in the JVM's, which is taken as UTC
		if !validDate(y, m, d) {
			return p.missing(), true
		}
		return c.timestamp(p, civilDays(y, m, d)*secondsPerDay+micros/1_000_000, micros%1_000_000, mem), true
	}
}
