//go:build integration

package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// TestRollingUpgradeOfTheProtocol: workers go from eager over compatible to sessioned one at a time, as Kafka's upgrade notes say; the group
// speaks what all of its members do, and task configs reach the leader all the time, signed or not.
func TestRollingUpgradeOfTheProtocol(t *testing.T) {
	c := newCluster(t, map[string]string{"connect.protocol": "eager"})
	a, b := c.add(), c.add()
	c.sixFiles(a)
	c.balanced(2)
	for _, protocol := range []string{"compatible", "sessioned"} {
		for _, p := range []*proc{a, b} {
			p.stop()
			p.set("connect.protocol", protocol)
			p.start()
			c.balanced(2)
			c.sixFilesOver([]*proc{a, b}, fmt.Sprint(protocol, p == b))
			for i := range 6 {
				name := fmt.Sprintf("%s-file-%d", c.group, i)
				process.Await(t, 20*time.Second, "new task configs of "+name, func() error {
					var tasks []struct{ Config map[string]string }
					want := fmt.Sprint(name, "-", protocol, p == b)
					if _, err := a.Do("GET", "/connectors/"+name+"/tasks", nil, &tasks); err != nil || len(tasks) != 1 || tasks[0].Config["topic"] != want {
						return fmt.Errorf("%v, not %s: %w", tasks, want, err)
					}
					return nil
				})
			}
		}
	}
	c.balanced(2)
}

// set changes a key of the worker's properties, for its next start.
func (p *proc) set(key, value string) {
	p.t.Helper()
	file := p.args[len(p.args)-1]
	b, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append(b, "\n"+key+"="+value+"\n"...), 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
