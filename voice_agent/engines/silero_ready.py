"""Silero's state after speech, written by benchmarks/vad_state.py; do not edit."""

READY_STATE = (
    "ijPLNWkh9SdruD42gJ5EK1+iLi6oH3E0FhydNAsumzhBMGo4NDM7GDSwiDcptF0iaLI6sIM4vzbWKk45migytFoz1z"
    "LRtRW3p64LOTY4DTd/rAEwSKKiNhS1Uzl/JS2xgjIErrOiKTSHMKw4STJxmX8iCqvcK2IxoqyGJuOtX6g2sFajjbcf"
    "NZo2MBRDOPk1cLi9rcKywhViF6C38ij7pH2W5qdoOTyzziyjJMyxfDtcrzStDzH3Hxc4c7V9tmIyeRmwKjcexYqEKb"
    "ctATi+JNoyoZ6TrgU3sK1sI4uwMLT8OGy40zfPM2CcDCs+Jwa5O7V8MUy34jTFnAExUDJFtgE03DzsTlg7MLqYOfio"
    "4SdbomIwmjTlNPEwwD9SMKk6VjISOv80paHduF06YbiAOJC047OWO+o4bC1xQJ4r1sYaNMs1Gbflt2K0wDxLOS04sr"
    "RPNBO6NDqWtVw7pCJysqs34rG7om08+TGJPUEzMSKEKDG0Pi6OMqG0EygYsfWrnakNq6zCYzVHOGc8Bz1cPFnEqbFH"
    "uWofuimguOw0fq6ul/m4QTxhupgx4jsDuFRHea9xzAI0bjZlPYe7f7mYNNU1Qy7wJdilAz2HMAs5/TDuN0ydL7WoPq"
    "myHyyesG+3QT1qvEo6ejUnnr0tJTzBv1y3TTWUuKA3gLAXNOMySb8="
)
"""float16 [2, 128] in base64, for the model in pipecat-ai 1.14."""
