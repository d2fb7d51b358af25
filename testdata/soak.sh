#!/usr/bin/env bash
# Looks for what nobody has thought of: simulated clusters under random faults
# for a length of time (such as 10m), then real ones for as long. A failure ends
# it; the seed is printed, and the logs of a failed real run are kept.
set -euo pipefail

length=${1:?how long, such as 10m}
first=${2:-$(date +%s)} # the first seed
runs=200

if [[ $first != loop ]]; then
	go test -c -o bin/sim.test ./cmd/tocsin/sim
	status=0
	timeout "$length" "$0" "$length" loop "$first" || status=$?
	if [[ $status -ne 124 ]]; then
		exit 1
	fi
	exec ./testdata/isolate.sh go test -count=1 -timeout 0 ./cmd/tocsin/chaos -run TestChaos -v -args \
		-chaos.soak "$length" -chaos.seed "$first" -chaos.parallel 6
fi

# The simulation, until somebody ends it.
seed=$3
while true; do
	echo "soak: simulated clusters from seed $seed"
	./bin/sim.test -test.timeout 0 -test.run TestSimulation -sim.first "$seed" -sim.runs "$runs"
	seed=$((seed + runs))
done
