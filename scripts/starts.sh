#!/usr/bin/env bash
# Does an installed unweave start? Starts its studio, asks for the page, separates a song.
#
#     scripts/starts.sh unweave
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
port=$((20000 + RANDOM % 20000))
"$@" studio --no-browser --port "$port" --data "$folder/data" > "$folder/said" &
studio=$!
trap 'kill $studio; wait $studio || true; rm -rf "$folder"' EXIT
for _ in $(seq 600); do grep -q http "$folder/said" && break; sleep 0.2; done
address=$(grep -o 'http[^ ]*' "$folder/said")
curl -sSf -L -c "$folder/cookies" -b "$folder/cookies" "$address" | grep -q '<script' || {
  echo 'the page is not there' >&2; exit 1; }
"$@" separate docs/example.mp3 -o "$folder/stems"
ls "$folder"/stems/*/
