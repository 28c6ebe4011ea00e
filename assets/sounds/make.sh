#!/usr/bin/env bash
# Makes the fallback prompts and the ringtone again. Needs espeak-ng and sox
# (Debian packages of the same names). Prompts are 8 kHz µ-law; the ringtone,
# which is never sent through a telephone line, is 16 kHz µ-law.
set -euo pipefail
cd "$(dirname "$0")"

# say LANGUAGE VOICE NAME TEXT
say() {
	mkdir -p "$1"
	espeak-ng -v "$2" -s 150 -p 45 -g 2 --stdout "$4" |
		sox -q -R -t wav - -r 8000 -c 1 -e mu-law "$1/$3.wav" \
			highpass 120 norm -4 silence 1 0.02 0.5% reverse silence 1 0.02 0.5% pad 0.15 reverse pad 0.1
}

say es es-419 vm-intro 'Por favor, deje su mensaje después del tono. Al terminar, cuelgue.'
say es es-419 demo-echotest 'Prueba de eco. Oirá lo que usted diga. Al terminar, cuelgue.'
say en en-us vm-intro 'Please leave your message after the tone. When done, hang up.'
say en en-us demo-echotest 'Echo test. You will hear what you say. When done, hang up.'

# Two soft notes, a fifth apart, struck twice, then rest until the next ring.
note() { # FREQUENCY DELAY
	sox -q -R -n -r 16000 -c 2 "$tmp/$1-$2.wav" synth 2.2 sine "$1" sine "$(($1 * 2))" remix 1v0.8,2v0.2 \
		fade l 0.006 2.2 2.15 gain -6 pad "$2"
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
note 659 0.01
note 988 0.18
note 659 0.7
note 988 0.88
sox -q -V1 -R -m "$tmp"/*.wav -c 1 -e mu-law ringtone.wav gain -n -3 pad 0 3 trim 0 4
