package config_test

import (
	"fmt"

	"github.com/connectd/connectd/connect/config"
)

func Example() {
	var (
		hostname = config.String("database.hostname").Required().Group("Connection", 1).Doc("Address of the MySQL server.")
		port     = config.Int("database.port", config.Range(1, 65535)).Default(3306).Group("Connection", 2)
		password = config.Password("database.password").Group("Connection", 3)
		def      = config.NewDef(hostname, port, password)
	)

	v, err := def.Parse(config.Props{"database.hostname": "db", "database.password": "geheim", "database.prot": "1"})
	fmt.Println(hostname.Get(v), port.Get(v), password.Get(v), err)
	for _, name := range v.Unknown() {
		near, _ := def.Nearest(name)
		fmt.Printf("unknown key %s, did you mean %s?\n", name, near)
	}

	_, err = def.Parse(config.Props{"database.port": "0"})
	fmt.Println(err)

	// Output:
	// db 3306 [hidden] <nil>
	// unknown key database.prot, did you mean database.port?
	// Missing required configuration "database.hostname" which has no default value.
	// Invalid value 0 for configuration database.port: Value must be at least 1
}
