"""The HTTP side of telephone calls: webhooks, signatures, tokens, and Twilio's REST interface.

What a call's audio becomes is `transports.twilio`; the bot brings both together.
"""
