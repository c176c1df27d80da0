// Package process runs connectd workers, and the Java Kafka Connect worker of test/bed, as processes for tests, and speaks to either over
// REST as any client would.
//
//	binary := process.Build(dir)                             // in TestMain
//	g := process.NewGroup(t, process.Config{Binary: binary}) // group id and topics of its own
//	w := g.Add()                                             // up and healthy; stopped when the test ends
//	w.Put("name", config)
//	w.AwaitRunning("name", 1)
//	w.Kill(); w.Start()
//
// Waiting is by asking: the far side is another process. Everything that a method fails with goes to the test; methods that return an
// error may be called from any goroutine.
package process
