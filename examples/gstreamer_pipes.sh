#!/bin/sh
# GStreamer gives frames, edgeenh enhances, GStreamer takes them: raw RGB through two pipes.
# Usage: gstreamer_pipes.sh SOURCE WIDTHxHEIGHT FPS SINK [STRENGTH], with SOURCE and SINK as gst-launch-1.0 has them:
#   gstreamer_pipes.sh 'v4l2src device=/dev/video0' 1280x720 30/1 'autovideosink'
#   gstreamer_pipes.sh 'filesrc location=in.mp4 ! decodebin' 1280x720 25/1 'x264enc ! mp4mux ! filesink location=out.mp4'
# SOURCE must give that size and rate, and fails otherwise: end it in `! videoscale` or `! videorate` to have it changed.
# Raw frames have no place for PASSTHROUGH: exit 1 says that a frame was not enhanced, and $EDGEENH_REPORT (JSON) which.
set -eu
source=$1 size=$2 rate=$3 sink=$4 strength=${5:-1}
width=${size%x*} height=${size#*x}
# GStreamer fills every row of RGB up to a multiple of four bytes; elsewhere rows follow each other.
[ $((width % 4)) = 0 ] || { echo "the width is $width, expected a multiple of 4: end SOURCE in ! videoscale, and ask for such a width" >&2; exit 2; }
case $rate in */*) ;; *) rate=$rate/1 ;; esac
fps=$(awk -v rate="$rate" 'BEGIN { split(rate, part, "/"); print part[1] / part[2] }')
caps="video/x-raw,format=RGB,width=$width,height=$height,framerate=$rate"
codes=$(mktemp -d)
trap 'rm -rf "$codes"' EXIT
# Words of SOURCE and SINK are gst-launch's own. Its remarks go to stderr: stdout carries the frames.
# A plain pipe tells the last program's exit code alone; a failure in the middle must not be lost.
# shellcheck disable=SC2086
{ gst-launch-1.0 -q $source ! videoconvert ! "$caps" ! fdsink fd=3 3>&1 >&2 || echo "the source" >"$codes/1"; } |
    { edgeenh run - --raw "$size:rgb24@$fps" --strength "$strength" --out - ${EDGEENH_REPORT:+--json "$EDGEENH_REPORT"} || echo enhancing >"$codes/2"; } |
    { gst-launch-1.0 -q fdsrc ! rawvideoparse format=rgb width="$width" height="$height" framerate="$rate" ! videoconvert ! $sink >&2 || echo "the sink" >"$codes/3"; }
failed=$(cat "$codes"/* 2>/dev/null | paste -sd ,)
[ -z "$failed" ] || { echo "failed: $failed" >&2; exit 1; }
