"""Conversations that the agent has to get right, as scenarios of Pipecat's evals."""
