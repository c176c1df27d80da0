// Package connecttest has conformance suites for plugins, and fakes of what the runtime gives them. A plugin's test hands the suite
// a driver, which knows the plugin and its outside system:
//
//	func TestSource(t *testing.T) {
//		connecttest.Source(t, connecttest.SourceDriver{
//			Plugin: file.Source("1"),
//			Props:  func(t testing.TB) config.Props { return config.Props{"file": filepath.Join(t.TempDir(), "in"), "topic": "t"} },
//			Add:    func(t testing.TB, p config.Props, from, n int) { appendLines(t, p["file"], from, n) },
//		})
//	}
//
// # Contract
//
//   - Source, Sink, Transform and Converter run one subtest for each rule of package connect. A failure names the rule.
//   - Every subtest asks the driver for fresh Props, so that it starts with an empty outside system. Drivers clean up with
//     t.Cleanup.
//   - The suites look for goroutines a plugin leaves behind: do not run them in parallel with other tests.
//   - The fakes are safe for concurrent use, and do what the documentation of the interface says, no more.
package connecttest
