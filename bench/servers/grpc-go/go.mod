module hikyaku/bench/servers/grpc-go

go 1.25.0

require (
	golang.org/x/sys v0.47.0
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)
