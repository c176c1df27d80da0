package sourcetask

// FanOutSmall makes c fan out batches that are smaller than is worth it.
func FanOutSmall(c *Config) { c.Threads, c.fanoutLeast, c.fanoutChunk = 3, 2, 2 }
