#!/usr/bin/env bash
# Looks for what nobody has thought of: simulated clusters under random faults
# for a length of time (such as 10m), then real ones for as long. A failure ends
# it; the seed is printed, and the logs of a failed real run are kept.
set -euo pipefail

length=${1:?how long, such as 10m}
first=${2:-$(date +%s)} # the first seed

go run ./cmd/tocsin/sim/build -o bin/sim.test
bin/sim.test -test.run TestSimulation -test.timeout 0 -sim.first="${first}000" -sim.runs=0 -sim.for="$length" -sim.procs=2
exec ./testdata/isolate.sh go test -count=1 -timeout 0 ./cmd/tocsin/chaos -run TestChaos -v -args \
	-chaos.soak "$length" -chaos.seed "$first" -chaos.parallel 6
