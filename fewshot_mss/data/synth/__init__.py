"""Music that anyone can make: toy tones and rendered MIDI songs."""
