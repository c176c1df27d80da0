package server

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
)

func TestMissingPrivilegesAreErrPermission(t *testing.T) {
	for code, want := range map[uint16]bool{CodeAccessDenied: true, CodeSpecificPrivilege: true, CodeNoSuchTable: false} {
		in := &mysql.MyError{Code: code, Message: "m"}
		err := Cause(in)
		if errors.Is(err, fs.ErrPermission) != want || Code(err) != code || err.Error() != in.Error() {
			t.Errorf("%d: %v", code, err)
		}
	}
}
