package transforms

import (
	"strings"
)

// Fields of a date being parsed; the stamp of each says when it was set, as java.util.Calendar resolves conflicts by the last.
const (
	fieldEra = iota
	fieldYear
	fieldMonth
	fieldWeekOfYear
	fieldWeekOfMonth
	fieldDay
	fieldDayOfYear
	fieldWeekday
	fieldWeekdayInMonth
	fieldHalf
	fieldHour
	fieldHourOfDay
	fieldMinute
	fieldSecond
	fieldMilli
	fieldZone
	fieldWeekYear
	fieldCount
)

// dateParser is one lenient parse, SimpleDateFormat.parse.
type dateParser struct {
	format   *dateFormat
	text     string
	pos      int
	value    [fieldCount]int
	stamp    [fieldCount]int
	clock    int
	twoDigit bool // the year was of two digits, and just at the start of the century
}

// parse reads text in milliseconds since the epoch. What follows the pattern is ignored, numbers out of range carry over.
func (f *dateFormat) parse(text string) (ms int64, ok bool) {
	p := dateParser{format: f, text: text}
	for i, it := range f.items {
		if it.letter == 0 {
			if !strings.HasPrefix(text[p.pos:], it.literal) {
				return 0, false
			}
			p.pos += len(it.literal)
			continue
		}
		abutting := i+1 < len(f.items) && numeric(f.items[i+1])
		if !p.field(it, abutting) {
			return 0, false
		}
	}
	if p.pos == 0 {
		return 0, false
	}
	ms = p.millis()
	if p.twoDigit && ms < f.centuryStart.UnixMilli() {
		p.value[fieldYear] += 100
		ms = p.millis()
	}
	return ms, true
}

// numeric: before such a field, a number takes only as many digits as it has letters.
func numeric(it dateItem) bool {
	switch it.letter {
	case 'M', 'L':
		return it.count <= 2
	case 0, 'G', 'E', 'a', 'z', 'Z', 'X':
		return false
	}
	return true
}

func (p *dateParser) set(field, v int) {
	p.clock++
	p.value[field], p.stamp[field] = v, p.clock
}

func (p *dateParser) field(it dateItem, abutting bool) bool {
	start := p.pos
	for p.pos < len(p.text) && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t') {
		p.pos++
	}
	if p.pos >= len(p.text) {
		return false
	}
	switch it.letter {
	case 'G':
		return p.named(fieldEra, eraNames, 2) || p.named(fieldEra, oldEraNames, 2)
	case 'a':
		return p.named(fieldHalf, halfNames, 2)
	case 'E':
		return p.named(fieldWeekday, weekdayNames, 3)
	case 'M', 'L':
		if it.count > 2 {
			return p.named(fieldMonth, monthNames, 3)
		}
	case 'z', 'Z':
		return p.zone()
	case 'X':
		return p.isoZone(it.count)
	}
	end := len(p.text)
	if abutting {
		if end = start + it.count; end > len(p.text) {
			return false
		}
	}
	from := p.pos
	n, ok := p.number(end)
	if !ok {
		return false
	}
	p.setNumber(it, n, p.text[from:p.pos])
	return true
}

// number reads what DecimalFormat takes for a whole number: a minus and digits.
func (p *dateParser) number(end int) (int, bool) {
	i, sign := p.pos, 1
	if i < end && p.text[i] == '-' {
		sign = -1
		i++
	}
	first, n := i, 0
	for ; i < end && isDigit(p.text[i]); i++ {
		if n = n*10 + int(p.text[i]-'0'); n > 1<<31-1 {
			n = 1<<31 - 1
		}
	}
	if i == first {
		return 0, false
	}
	p.pos = i
	return sign * n, true
}

func (p *dateParser) setNumber(it dateItem, n int, digits string) {
	switch it.letter {
	case 'y', 'Y':
		if it.count <= 2 && len(digits) == 2 && digits[0] != '-' {
			start := p.format.centuryStart.Year()
			p.twoDigit = n == start%100
			if n < start%100 {
				n += 100
			}
			n += start / 100 * 100
		}
		if it.letter == 'Y' {
			p.set(fieldWeekYear, n)
		} else {
			p.set(fieldYear, n)
		}
	case 'M', 'L':
		p.set(fieldMonth, n-1)
	case 'k':
		if n == 24 {
			n = 0
		}
		p.set(fieldHourOfDay, n)
	case 'h':
		if n == 12 {
			n = 0
		}
		p.set(fieldHour, n)
	case 'u':
		p.set(fieldWeekday, n%7) // Monday is 1, Sunday 7
	default:
		p.set(map[byte]int{
			'd': fieldDay, 'H': fieldHourOfDay, 'K': fieldHour, 'm': fieldMinute, 's': fieldSecond, 'S': fieldMilli,
			'D': fieldDayOfYear, 'F': fieldWeekdayInMonth, 'w': fieldWeekOfYear, 'W': fieldWeekOfMonth,
		}[it.letter], n)
	}
}

// named reads the longest of the names, or their short forms, in any case.
func (p *dateParser) named(field int, names []string, short int) bool {
	rest := p.text[p.pos:]
	best, length := -1, 0
	for i, name := range names {
		for _, n := range []int{len(name), short} {
			if n > length && len(rest) >= n && strings.EqualFold(rest[:n], name[:n]) {
				best, length = i, n
			}
		}
	}
	if best < 0 {
		return false
	}
	p.pos += length
	p.set(field, best)
	return true
}

// zoneNames are abbreviations read besides GMT and UTC, with their offset in minutes.
var zoneNames = []struct {
	name   string
	offset int
}{
	{"Coordinated Universal Time", 0}, {"Greenwich Mean Time", 0}, {"UTC", 0}, {"EST", -300}, {"EDT", -240}, {"CST", -360}, {"CDT", -300},
	{"MST", -420}, {"MDT", -360}, {"PST", -480}, {"PDT", -420}, {"CEST", 120}, {"CET", 60}, {"EEST", 180}, {"EET", 120}, {"WEST", 60},
	{"WET", 0}, {"BST", 60}, {"IST", 330}, {"JST", 540}, {"KST", 540}, {"MSK", 180},
}

// zone reads a general or RFC 822 zone: +0200, GMT+2:00, a name.
func (p *dateParser) zone() bool {
	switch rest := p.text[p.pos:]; {
	case rest[0] == '+' || rest[0] == '-':
		return p.offset(0, false)
	case len(rest) >= 3 && strings.EqualFold(rest[:3], "GMT"):
		p.pos += 3
		if len(rest) > 3 && (rest[3] == '+' || rest[3] == '-') {
			return p.offset(0, true)
		}
		p.set(fieldZone, 0)
		return true
	default:
		for _, z := range zoneNames {
			if len(rest) >= len(z.name) && strings.EqualFold(rest[:len(z.name)], z.name) {
				p.pos += len(z.name)
				p.set(fieldZone, z.offset)
				return true
			}
		}
		return false
	}
}

func (p *dateParser) isoZone(count int) bool {
	switch p.text[p.pos] {
	case 'Z':
		p.pos++
		p.set(fieldZone, 0)
		return true
	case '+', '-':
		return p.offset(count, count == 3)
	}
	return false
}

// offset reads a sign, hours and, unless count is 1, minutes.
func (p *dateParser) offset(count int, colon bool) bool {
	sign, s := 1, p.text[p.pos+1:]
	if p.text[p.pos] == '-' {
		sign = -1
	}
	i := 0
	digit := func() (int, bool) {
		if i >= len(s) || !isDigit(s[i]) {
			return 0, false
		}
		i++
		return int(s[i-1] - '0'), true
	}
	hours, ok := digit()
	if !ok || i >= len(s) {
		return false
	}
	if d, ok := digit(); ok {
		hours = hours*10 + d
	} else if count > 0 || !colon {
		return false
	}
	if hours > 23 {
		return false
	}
	minutes := 0
	if count != 1 {
		if colon {
			if i >= len(s) || s[i] != ':' {
				return false
			}
			i++
		}
		a, okA := digit()
		b, okB := digit()
		if minutes = a*10 + b; !okA || !okB || minutes > 59 {
			return false
		}
	}
	p.pos += 1 + i
	p.set(fieldZone, sign*(hours*60+minutes))
	return true
}
