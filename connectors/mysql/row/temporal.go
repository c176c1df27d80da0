package row

import (
	"time"

	"github.com/connectd/connectd/connect/data"
)

const (
	secondsPerDay = 86400
	microsPerDay  = secondsPerDay * 1_000_000
)

// civilDays counts the days from 1970-01-01 in the proleptic Gregorian calendar, as java.time does.
func civilDays(y, m, d int) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

// civil is the reverse of civilDays.
func civil(days int64) (y, m, d int) {
	z := days + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = int(doy - (153*mp+2)/5 + 1)
	m = int(mp + 3)
	if m > 12 {
		m -= 12
	}
	y = int(yoe + era*400)
	if m <= 2 {
		y++
	}
	return y, m, d
}

var monthDays = [13]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// validDate tells whether the day exists: zero dates and those that ALLOW_INVALID_DATES lets in do not.
func validDate(y, m, d int) bool {
	if y <= 0 || m <= 0 || m > 12 || d <= 0 || d > monthDays[m] {
		return false
	}
	return m != 2 || d < 29 || y%4 == 0 && (y%100 != 0 || y%400 == 0)
}

func (c *Codec) adjustYear(y int) int {
	switch {
	case c.opt.NoTimeAdjuster || y > 99 || y < 0:
		return y
	case y <= 69:
		return y + 2000
	default:
		return y + 1900
	}
}

// missing is what stands for a value that cannot be represented: null, or the type's neutral value if the column is NOT NULL.
func (p *column) missing() data.Value {
	if p.zeroDate {
		return p.fallback
	}
	if p.optional {
		return data.Null()
	}
	return p.fallback
}

// epoch is the neutral value of a temporal column.
func (c *Codec) epoch(p *column) data.Value {
	var mem Memory
	switch p.op {
	case opDate:
		return c.date(p, 1970, 1, 1, &mem)
	case opTime:
		return c.time(p, 0, &mem)
	case opDatetime:
		return c.datetime(p, 1970, 1, 1, 0, &mem)
	default:
		q := *p
		q.length = 0
		return c.timestamp(&q, 0, 0, &mem)
	}
}

func (c *Codec) date(p *column, y, m, d int, mem *Memory) data.Value {
	if !validDate(y, m, d) {
		return p.missing()
	}
	y = c.adjustYear(y)
	switch p.precision {
	case TimeISOString:
		return data.Text(mem.end(append(appendDate(mem.begin(16), y, m, d), 'Z')))
	case TimeConnect:
		return data.Date(int32(civilDays(y, m, d)))
	default:
		return data.Int32(int32(civilDays(y, m, d)))
	}
}

// datetime makes a DATETIME of a date and the microseconds of the day.
func (c *Codec) datetime(p *column, y, m, d int, micros int64, mem *Memory) data.Value {
	if !validDate(y, m, d) {
		return p.missing()
	}
	y = c.adjustYear(y)
	total := civilDays(y, m, d)*microsPerDay + micros
	switch p.precision {
	case TimeISOString:
		b := append(appendDate(mem.begin(32), y, m, d), 'T')
		return data.Text(mem.end(append(appendClock(b, micros, -1), 'Z')))
	case TimeConnect:
		return data.Timestamp(floorDiv(total, 1000))
	case TimeNanoseconds:
		if days := total / microsPerDay; days > 106751 || days < -106751 { // int64 nanoseconds reach from 1677 to 2262
			return p.missing()
		}
		return data.Int64(total * 1000)
	case TimeMicroseconds:
		return data.Int64(total)
	default:
		if p.length <= 3 {
			return data.Int64(floorDiv(total, 1000))
		}
		return data.Int64(total)
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// time makes a TIME of signed microseconds.
func (c *Codec) time(p *column, micros int64, mem *Memory) data.Value {
	switch p.precision {
	case TimeISOString:
		if micros < 0 || micros >= microsPerDay {
			return p.missing()
		}
		return data.Text(mem.end(append(appendClock(mem.begin(24), micros, -1), 'Z')))
	case TimeConnect:
		if micros < 0 || micros >= microsPerDay {
			return p.missing()
		}
		return data.Time(int32(micros / 1000))
	case TimeNanoseconds:
		return data.Int64(micros * 1000)
	default:
		return data.Int64(micros)
	}
}

// timestamp makes a TIMESTAMP: ISO text in UTC with the column's fraction digits. Zero is MySQL's 0000-00-00.
func (c *Codec) timestamp(p *column, sec, micros int64, mem *Memory) data.Value {
	if sec == 0 && micros == 0 && (p.zeroDate || p.fallback.Kind() != data.KindNull) {
		return p.missing()
	}
	days := floorDiv(sec, secondsPerDay)
	y, m, d := civil(days)
	b := append(appendDate(mem.begin(32), y, m, d), 'T')
	b = appendClock(b, (sec-days*secondsPerDay)*1_000_000+micros, p.length)
	return data.Text(mem.end(append(b, 'Z')))
}

// localTimestamp makes a TIMESTAMP of its text in the connection's time zone.
func (c *Codec) localTimestamp(p *column, y, m, d int, micros int64, mem *Memory) data.Value {
	if !validDate(y, m, d) {
		return p.missing()
	}
	if c.loc == time.UTC {
		return c.timestamp(p, civilDays(y, m, d)*secondsPerDay+micros/1_000_000, micros%1_000_000, mem)
	}
	t := time.Date(y, time.Month(m), d, 0, 0, int(micros/1_000_000), 0, c.loc)
	return c.timestamp(p, t.Unix(), micros%1_000_000, mem)
}

func append2(b []byte, n int64) []byte { return append(b, byte('0'+n/10%10), byte('0'+n%10)) }

func appendDate(b []byte, y, m, d int) []byte {
	b = append2(append2(b, int64(y/100)), int64(y%100))
	return append2(append(append2(append(b, '-'), int64(m)), '-'), int64(d))
}

// appendClock appends HH:MM:SS and a fraction of the given number of digits; -1: as many as needed.
func appendClock(b []byte, micros int64, digits int) []byte {
	sec, frac := micros/1_000_000, micros%1_000_000
	b = append2(b, sec/3600)
	b = append2(append(b, ':'), sec/60%60)
	b = append2(append(b, ':'), sec%60)
	if digits == 0 || digits < 0 && frac == 0 {
		return b
	}
	b = append(b, '.')
	from := len(b)
	b = append2(append2(append2(b, frac/10000), frac/100%100), frac%100)
	if digits > 0 {
		return b[:from+min(digits, 6)]
	}
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}
