#!/usr/bin/env bash
# Makes the fallback prompts of prompts.txt and the ringtone again. Needs
# espeak-ng, sox and lame (Debian packages of the same names). Prompts are MP3 of
# 16 kHz, 16 kbit/s; the ringtone is 16 kHz µ-law.
set -euo pipefail
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# say LANGUAGE VOICE NAME TEXT
say() {
	mkdir -p "$1/$(dirname "$3")"
	espeak-ng -v "$2" -s 150 -p 45 -g 2 --stdout "$4" |
		sox -q -R -t wav - -r 16000 -c 1 -b 16 "$tmp/say.wav" \
			gain -3 highpass 120 norm -4 silence 1 0.02 0.5% reverse silence 1 0.02 0.5% pad 0.08 reverse pad 0.02
	lame --quiet -t -m m -b 16 --resample 16 --nores "$tmp/say.wav" "$1/$3.mp3"
}

rm -rf es en
while IFS='|' read -r name es en; do
	case ${name// /} in '' | \#*) continue ;; esac
	say es es-419 "${name// /}" "$es" </dev/null
	say en en-us "${name// /}" "$en" </dev/null
done <prompts.txt

# Two soft notes, a fifth apart, struck twice, then rest until the next ring.
note() { # FREQUENCY DELAY
	sox -q -R -n -r 16000 -c 2 "$tmp/ring-$1-$2.wav" synth 2.2 sine "$1" sine "$(($1 * 2))" remix 1v0.8,2v0.2 \
		fade l 0.006 2.2 2.15 gain -6 pad "$2"
}
note 659 0.01
note 988 0.18
note 659 0.7
note 988 0.88
sox -q -V1 -R -m "$tmp"/ring-*.wav -c 1 -e mu-law ringtone.wav gain -n -3 pad 0 3 trim 0 4
