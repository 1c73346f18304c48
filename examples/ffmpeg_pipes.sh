#!/bin/sh
# FFmpeg decodes, edgeenh enhances, FFmpeg encodes: raw RGB through two pipes. Usage: ffmpeg_pipes.sh IN OUT [STRENGTH]
# rawvideo has no place for PASSTHROUGH: exit 1 says that a frame was not enhanced, and $EDGEENH_REPORT (JSON) which.
set -eu
in=$1 out=$2 strength=${3:-1}
probe() { ffprobe -v error -select_streams v:0 -show_entries "stream=$1" -of default=nw=1:nk=1 "$in"; }
size=$(probe width)x$(probe height)
rate=$(probe r_frame_rate)
fps=$(awk -v rate="$rate" 'BEGIN { n = split(rate, part, "/"); print (n > 1 ? part[1] / part[2] : rate) }')
codes=$(mktemp -d)
trap 'rm -rf "$codes"' EXIT
# A plain pipe tells the last program's exit code alone; a failure in the middle must not be lost.
{ ffmpeg -v error -nostdin -noautorotate -i "$in" -map 0:v:0 -fps_mode passthrough -f rawvideo -pix_fmt rgb24 - || echo decoding >"$codes/1"; } |
    { edgeenh run - --raw "$size:rgb24@$fps" --strength "$strength" --out - ${EDGEENH_REPORT:+--json "$EDGEENH_REPORT"} || echo enhancing >"$codes/2"; } |
    { ffmpeg -v error -nostdin -y -f rawvideo -pix_fmt rgb24 -video_size "$size" -framerate "$rate" -i - -c:v libx264rgb -crf 12 "$out" || echo encoding >"$codes/3"; }
failed=$(cat "$codes"/* 2>/dev/null | paste -sd ,)
[ -z "$failed" ] || { echo "failed: $failed" >&2; exit 1; }
