package transforms

// millis computes the instant from the fields that were set (GregorianCalendar.computeTime).
func (p *dateParser) millis() int64 {
	days := p.days()
	hour := p.value[fieldHourOfDay]
	if half := both(p.stamp[fieldHour], p.stamp[fieldHalf]); half > p.stamp[fieldHourOfDay] ||
		half == 0 && p.stamp[fieldHourOfDay] == 0 {
		hour = p.value[fieldHour] + 12*p.value[fieldHalf]
	}
	ms := (int64(hour)*60+int64(p.value[fieldMinute]))*60000 + int64(p.value[fieldSecond])*1000 + int64(p.value[fieldMilli])
	return days*dayMillis + ms - int64(p.value[fieldZone])*60000
}

// both is the later stamp of two fields if both are set, else 0 (Calendar.aggregateStamp).
func both(a, b int) int {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

// days picks the fields that say which day it is: those set last (Calendar.selectFields).
func (p *dateParser) days() int64 {
	if p.stamp[fieldWeekYear] > p.stamp[fieldYear] {
		week := 1
		if p.stamp[fieldWeekOfYear] > 0 {
			week = p.value[fieldWeekOfYear]
		}
		return p.dayOfWeek(toDays(p.value[fieldWeekYear], 1, 1), week)
	}
	s := &p.stamp
	weekday := s[fieldWeekday]
	dom := s[fieldDay]
	wom, dowim, woy := both(s[fieldWeekOfMonth], weekday), both(s[fieldWeekdayInMonth], weekday), both(s[fieldWeekOfYear], weekday)
	best := max(dom, wom, dowim, s[fieldDayOfYear], woy)
	if best == 0 {
		wom, dowim, woy = s[fieldWeekOfMonth], max(s[fieldWeekdayInMonth], weekday), s[fieldWeekOfYear]
		if best = max(wom, dowim, woy); best == 0 {
			dom = s[fieldMonth]
			best = dom
		}
	}
	year := p.year()
	switch {
	case best == dom:
		day := 1
		if s[fieldDay] > 0 {
			day = p.value[fieldDay]
		}
		return toDays(year, p.value[fieldMonth]+1, 1) + int64(day) - 1
	case best == wom && s[fieldWeekOfMonth] >= s[fieldWeekOfYear] && (wom != dowim || s[fieldWeekOfMonth] >= s[fieldWeekdayInMonth]):
		return p.dayOfWeek(toDays(year, p.value[fieldMonth]+1, 1), p.value[fieldWeekOfMonth])
	case best == dowim && s[fieldWeekdayInMonth] >= s[fieldWeekOfYear]:
		return p.weekdayInMonth(year)
	case best == s[fieldDayOfYear]:
		return toDays(year, 1, 1) + int64(p.value[fieldDayOfYear]) - 1
	default:
		return p.dayOfWeek(toDays(year, 1, 1), p.value[fieldWeekOfYear])
	}
}

func (p *dateParser) year() int {
	year := 1970
	if p.stamp[fieldYear] > 0 {
		year = p.value[fieldYear]
	}
	if p.stamp[fieldEra] > 0 && p.value[fieldEra] == 0 {
		return 1 - year
	}
	return year
}

// dayOfWeek is the weekday (Sunday if none was given) of a week counted from the one that holds first.
func (p *dateParser) dayOfWeek(first int64, week int) int64 {
	sunday := onOrBefore(first, 0)
	return sunday + int64(p.value[fieldWeekday]) + 7*(int64(week)-1)
}

// weekdayInMonth is the n-th of a weekday in the month, from its end if negative.
func (p *dateParser) weekdayInMonth(year int) int64 {
	n := int64(1)
	if p.stamp[fieldWeekdayInMonth] > 0 {
		n = int64(p.value[fieldWeekdayInMonth])
	}
	month := p.value[fieldMonth] + 1
	if n >= 0 {
		return onOrBefore(toDays(year, month, 1)+7*n-1, p.value[fieldWeekday])
	}
	return onOrBefore(toDays(year, month+1, 1)+7*(n+1)-1, p.value[fieldWeekday])
}

// onOrBefore is the last given weekday up to that day.
func onOrBefore(day int64, weekday int) int64 {
	return day - ((day+4-int64(weekday))%7+7)%7
}
