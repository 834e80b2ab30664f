"""From a request for speech to encoded chunks: text, chunking and encoding, no sockets."""
