// grpc-go under test.
//
// Its best settings: one write buffer shared by all connections, workers that keep their stacks, as
// many cores as it has threads, garbage collected when the heap is five times what lives (which
// spares a tenth of the CPU). It sets TCP_NODELAY itself.
//
// The code in pb is what protoc-gen-go 1.36.12 and protoc-gen-go-grpc 1.6.2 make of the .proto
// files, so that nothing but Go is needed to build:
//
//	go build -o grpc-go-server .
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"hikyaku/bench/servers/grpc-go/pb/bench"
	"hikyaku/bench/servers/grpc-go/pb/helloworld"
)

const (
	// What this server can be measured in.
	scenarios = "hello echo down up both ping-pong wait burn record tls"
	// Bytes of the longest message.
	maxMessageLen = 16 << 20
	// Calls that a client may have open on one connection.
	maxStreams = 20000
)

type greeter struct {
	helloworld.UnimplementedGreeterServer
}

func (greeter) SayHello(_ context.Context, request *helloworld.HelloRequest) (*helloworld.HelloReply, error) {
	return &helloworld.HelloReply{Message: "Hello " + request.GetName() + "!"}, nil
}

// What the server is told.
type setup struct {
	listen, cert, key string
	threads           int
}

// parse reads the command line.
func parse(args []string) (setup, error) {
	told := setup{threads: 1}
	for len(args) > 0 {
		if len(args) == 1 {
			return told, fmt.Errorf("%s wants a value", args[0])
		}
		flag, value := args[0], args[1]
		args = args[2:]
		switch flag {
		case "--listen":
			told.listen = value
		case "--threads":
			threads, err := strconv.Atoi(value)
			if err != nil || threads < 1 {
				return told, fmt.Errorf("--threads cannot be %q", value)
			}
			told.threads = threads
		case "--cert":
			told.cert = value
		case "--key":
			told.key = value
		default:
			return told, fmt.Errorf("unknown flag %s", flag)
		}
	}
	if told.listen == "" {
		return told, fmt.Errorf("--listen is missing")
	}
	if (told.cert == "") != (told.key == "") {
		return told, fmt.Errorf("--cert and --key go together")
	}
	return told, nil
}

// options are the settings of the server.
func options(told setup) ([]grpc.ServerOption, error) {
	settings := []grpc.ServerOption{
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxRecvMsgSize(maxMessageLen),
		grpc.NumStreamWorkers(uint32(told.threads)),
		grpc.SharedWriteBuffer(true),
	}
	if told.cert != "" {
		identity, err := credentials.NewServerTLSFromFile(told.cert, told.key)
		if err != nil {
			return nil, err
		}
		settings = append(settings, grpc.Creds(identity))
	}
	return settings, nil
}

func main() {
	args := os.Args[1:]
	if len(args) == 1 && args[0] == "--scenarios" {
		fmt.Println(scenarios)
		return
	}
	told, err := parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		fmt.Fprintf(os.Stderr, "usage: %s --listen ADDR [--threads N] [--cert FILE --key FILE]\n", os.Args[0])
		fmt.Fprintf(os.Stderr, "       %s --scenarios\n", os.Args[0])
		os.Exit(2)
	}
	if err := serve(told); err != nil {
		log.Fatal(err)
	}
}

func serve(told setup) error {
	runtime.GOMAXPROCS(told.threads)
	debug.SetGCPercent(400)
	settings, err := options(told)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", told.listen)
	if err != nil {
		return err
	}
	server := grpc.NewServer(settings...)
	helloworld.RegisterGreeterServer(server, greeter{})
	bench.RegisterBenchServer(server, scenario{})
	fmt.Println("listening on", listener.Addr())
	return server.Serve(listener)
}
