package main

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	"hikyaku/bench/servers/grpc-go/pb/bench"
)

const (
	// How long Wait waits.
	waitTime = time.Millisecond
	// CPU time of its thread that Burn burns.
	burnTime = 200 * time.Microsecond
)

// scenario serves what is measured beside the greeting.
type scenario struct {
	bench.UnimplementedBenchServer
}

func (scenario) Echo(_ context.Context, request *bench.Blob) (*bench.Blob, error) {
	return request, nil
}

func (scenario) Down(plan *bench.Plan, stream grpc.ServerStreamingServer[bench.Blob]) error {
	blob := &bench.Blob{Body: make([]byte, plan.GetSize())}
	for range plan.GetCount() {
		if err := stream.Send(blob); err != nil {
			return err
		}
	}
	return nil
}

func (scenario) Up(stream grpc.ClientStreamingServer[bench.Blob, bench.Sum]) error {
	sum := &bench.Sum{}
	for {
		blob, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(sum)
		}
		if err != nil {
			return err
		}
		sum.Count++
		sum.Bytes += uint64(len(blob.GetBody()))
	}
}

func (scenario) Both(stream grpc.BidiStreamingServer[bench.Blob, bench.Blob]) error {
	for {
		blob, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(blob); err != nil {
			return err
		}
	}
}

func (scenario) Wait(_ context.Context, request *bench.Blob) (*bench.Blob, error) {
	time.Sleep(waitTime)
	return request, nil
}

func (scenario) Burn(_ context.Context, request *bench.Blob) (*bench.Blob, error) {
	if err := burn(); err != nil {
		return nil, err
	}
	return request, nil
}

func (scenario) Record(_ context.Context, request *bench.Logs) (*bench.Sum, error) {
	sum := &bench.Sum{Count: uint64(len(request.GetLogs()))}
	for _, record := range request.GetLogs() {
		sum.Bytes += uint64(len(record.GetBody()))
	}
	return sum, nil
}

// burn keeps its thread busy until it has used the time, however often it is interrupted.
func burn() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin, err := threadTime()
	if err != nil {
		return err
	}
	for now := begin; now-begin < burnTime; {
		if now, err = threadTime(); err != nil {
			return err
		}
	}
	return nil
}

// threadTime is the CPU time this thread has used.
func threadTime() (time.Duration, error) {
	var used unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &used)
	return time.Duration(used.Nano()), err
}
