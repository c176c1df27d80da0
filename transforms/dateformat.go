package transforms

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// dateFormat is a pattern of java.text.SimpleDateFormat, in English and UTC, weeks as in the US. It never
// changes.
type dateFormat struct {
	pattern      string
	items        []dateItem
	centuryStart time.Time // two-digit years lie in the 100 years from here
}

// dateItem is a letter and how often it stands, or literal text.
type dateItem struct {
	letter  byte
	count   int
	literal string
}

const dateLetters = "GyMdkHmsSEDFwWahKzZYuXL"

// newDateFormat compiles a pattern. Errors have the texts of Java's IllegalArgumentException.
func newDateFormat(pattern string) (*dateFormat, error) {
	f := &dateFormat{pattern: pattern, centuryStart: time.Now().UTC().AddDate(-80, 0, 0)}
	for i := 0; i < len(pattern); {
		switch c := pattern[i]; {
		case c == '\'':
			n, err := f.quoted(pattern[i:])
			if err != nil {
				return nil, err
			}
			i += n
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			if strings.IndexByte(dateLetters, c) < 0 {
				return nil, errors.New("Illegal pattern character '" + string(c) + "'")
			}
			n := 1
			for i+n < len(pattern) && pattern[i+n] == c {
				n++
			}
			if c == 'X' && n > 3 {
				return nil, errors.New("invalid ISO 8601 format: length=" + strconv.Itoa(n))
			}
			f.items = append(f.items, dateItem{letter: c, count: n})
			i += n
		default:
			f.literal(pattern[i : i+1])
			i++
		}
	}
	return f, nil
}

func (f *dateFormat) literal(s string) {
	if n := len(f.items); n > 0 && f.items[n-1].letter == 0 {
		f.items[n-1].literal += s
		return
	}
	f.items = append(f.items, dateItem{literal: s})
}

// quoted reads from an apostrophe: two are one, else text up to the next.
func (f *dateFormat) quoted(s string) (int, error) {
	if strings.HasPrefix(s, "''") {
		f.literal("'")
		return 2, nil
	}
	for i := 1; i < len(s); {
		switch {
		case s[i] != '\'':
			f.literal(s[i : i+1])
			i++
		case i+1 < len(s) && s[i+1] == '\'':
			f.literal("'")
			i += 2
		default:
			return i + 1, nil
		}
	}
	return 0, errors.New("Unterminated quote")
}

var (
	monthNames   = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	weekdayNames = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	halfNames    = []string{"AM", "PM"}
	eraNames     = []string{"BCE", "CE"} // as the CLDR data of current JDKs has them
	oldEraNames  = []string{"BC", "AD"}  // read too
)

// append formats an instant in milliseconds.
func (f *dateFormat) append(dst []byte, ms int64) []byte {
	c := calendarOf(ms)
	for _, it := range f.items {
		if it.letter == 0 {
			dst = append(dst, it.literal...)
			continue
		}
		dst = c.appendField(dst, it.letter, it.count)
	}
	return dst
}

func (c *calendar) appendField(dst []byte, letter byte, count int) []byte {
	switch letter {
	case 'G':
		return append(dst, eraNames[c.era]...)
	case 'y', 'Y':
		year := c.year
		if letter == 'Y' {
			year, _ = c.week()
		}
		if count == 2 {
			year %= 100
		}
		return pad(dst, year, count)
	case 'M', 'L':
		return name(dst, monthNames, c.month-1, count, 1)
	case 'E':
		return name(dst, weekdayNames, c.weekday, max(count, 3), 0)
	case 'a':
		return append(dst, halfNames[c.hour/12]...)
	case 'k':
		return pad(dst, (c.hour+23)%24+1, count)
	case 'h':
		return pad(dst, (c.hour+11)%12+1, count)
	case 'z':
		if count >= 4 {
			return append(dst, "Coordinated Universal Time"...)
		}
		return append(dst, "UTC"...)
	case 'Z':
		return append(dst, "+0000"...)
	case 'X':
		return append(dst, 'Z')
	}
	return pad(dst, c.number(letter), count)
}

func (c *calendar) number(letter byte) int {
	switch letter {
	case 'd':
		return c.day
	case 'H':
		return c.hour
	case 'K':
		return c.hour % 12
	case 'm':
		return c.minute
	case 's':
		return c.second
	case 'S':
		return c.milli
	case 'D':
		return c.yearDay
	case 'F':
		return (c.day-1)/7 + 1
	case 'W':
		first := ((c.weekday-(c.day-1))%7 + 7) % 7
		return (c.day-1+first)/7 + 1
	case 'u':
		return (c.weekday+6)%7 + 1
	default: // w
		_, week := c.week()
		return week
	}
}

// name writes a number, or with three letters a short name and with four the whole.
func name(dst []byte, names []string, i, count, base int) []byte {
	switch {
	case count >= 4:
		return append(dst, names[i]...)
	case count == 3:
		return append(dst, names[i][:3]...)
	}
	return pad(dst, i+base, count)
}

func pad(dst []byte, n, width int) []byte {
	s := strconv.Itoa(n)
	for i := len(s); i < width; i++ {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}

// calendar are the fields of an instant as java.util.GregorianCalendar has them: Julian before 15 October 1582.
type calendar struct {
	era, year, month, day       int // era 0: BC; year of the era
	weekday, yearDay            int // weekday 0: Sunday; yearDay from 1
	hour, minute, second, milli int
	fixed                       int64 // days since the epoch
	jan1, nextJan1              int64
}

const cutover = -141427 // 1582-10-15 in days since the epoch

func calendarOf(ms int64) calendar {
	days := floorDiv(ms, dayMillis)
	rest := int(ms - days*dayMillis)
	c := calendar{fixed: days, hour: rest / 3600000, minute: rest / 60000 % 60, second: rest / 1000 % 60, milli: rest % 1000}
	c.weekday = int(((days+4)%7 + 7) % 7)
	var year int
	if days >= cutover {
		year, c.month, c.day = fromDays(days, false)
	} else {
		year, c.month, c.day = fromDays(days, true)
	}
	c.jan1, c.nextJan1 = toDays(year, 1, 1), toDays(year+1, 1, 1)
	c.yearDay = int(days-c.jan1) + 1
	c.era, c.year = 1, year
	if year <= 0 {
		c.era, c.year = 0, 1-year
	}
	return c
}

// week is the week year and week of year: weeks begin on Sunday, the first is that of 1 January.
func (c *calendar) week() (year, week int) {
	year = c.year
	if c.era == 0 {
		year = 1 - c.year
	}
	sunday := c.fixed - int64(c.weekday)
	if sunday+7 > c.nextJan1 {
		return year + 1, 1
	}
	first := c.jan1 - ((c.jan1+4)%7+7)%7
	return year, int((sunday-first)/7) + 1
}

// toDays counts the days since the epoch of a proleptic date; month may be out of range.
func toDays(year, month, day int) int64 {
	if g := civilDays(year, month, day, false); g >= cutover {
		return g
	}
	return civilDays(year, month, day, true)
}

func civilDays(year, month, day int, julian bool) int64 {
	m := int64(year)*12 + int64(month) - 1
	y, mon := floorDiv(m, 12), m-floorDiv(m, 12)*12 // months from March of the year before
	if mon < 2 {
		y--
		mon += 12
	}
	mon -= 2
	n := 365*y + floorDiv(y, 4) + (153*mon+2)/5 + int64(day) - 1
	if julian {
		return n - 719470
	}
	return n - floorDiv(y, 100) + floorDiv(y, 400) - 719468
}

func fromDays(days int64, julian bool) (year, month, day int) {
	// A guess that is never too late, then forward.
	y := int(floorDiv(days*400, 146097)) + 1970 - 2
	for civilDays(y+1, 1, 1, julian) <= days {
		y++
	}
	m := 1
	for m < 12 && civilDays(y, m+1, 1, julian) <= days {
		m++
	}
	return y, m, int(days-civilDays(y, m, 1, julian)) + 1
}
