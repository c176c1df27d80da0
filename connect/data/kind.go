package data

// Kind is the type of a value or schema.
type Kind uint8

// The kinds. The logical kinds (Decimal to Timestamp) are kinds of values; a schema of that logical type has the physical kind
// of Kafka Connect (bytes, int32, int32, int64) and answers them from [Schema.Logical].
const (
	KindNull Kind = iota
	KindBool
	KindInt8
	KindInt16
	KindInt32
	KindInt64
	KindFloat32
	KindFloat64
	KindString
	KindBytes
	KindList
	KindMap
	KindStruct
	KindDecimal   // unscaled integer and scale
	KindDate      // days since the epoch
	KindTime      // milliseconds since midnight
	KindTimestamp // milliseconds since the epoch
)

// Names of Kafka Connect's logical types.
const (
	DecimalName   = "org.apache.kafka.connect.data.Decimal"
	DateName      = "org.apache.kafka.connect.data.Date"
	TimeName      = "org.apache.kafka.connect.data.Time"
	TimestampName = "org.apache.kafka.connect.data.Timestamp"
	// ScaleParam is the parameter of a Decimal schema that holds its scale.
	ScaleParam = "scale"
)

var kindNames = [...]string{"NULL", "BOOLEAN", "INT8", "INT16", "INT32", "INT64", "FLOAT32", "FLOAT64", "STRING", "BYTES",
	"ARRAY", "MAP", "STRUCT", "DECIMAL", "DATE", "TIME", "TIMESTAMP"}

// String is the name of org.apache.kafka.connect.data.Schema.Type (ARRAY for lists); logical kinds have their own.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "UNKNOWN"
}

// Physical is the kind of the schema that carries a value of kind k.
func (k Kind) Physical() Kind {
	switch k {
	case KindDecimal:
		return KindBytes
	case KindDate, KindTime:
		return KindInt32
	case KindTimestamp:
		return KindInt64
	default:
		return k
	}
}

// IsInt tells whether k is one of the four integer kinds.
func (k Kind) IsInt() bool { return k >= KindInt8 && k <= KindInt64 }

// IsNumber tells whether k is an integer or floating point kind.
func (k Kind) IsNumber() bool { return k >= KindInt8 && k <= KindFloat64 }

// IsPrimitive tells whether k is a number, boolean, string or bytes kind (Schema.Type.isPrimitive).
func (k Kind) IsPrimitive() bool { return k >= KindBool && k <= KindBytes }
