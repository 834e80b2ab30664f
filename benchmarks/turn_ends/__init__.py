"""Turns with pauses for `voice-agent eval-turns`, and the fit of the weights that judge them."""
