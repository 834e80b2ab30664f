"""Every Prometheus metric of the product, in one flat list.

Buckets follow the latency budget of a turn: 200 ms of silence, 40 ms of judging the turn,
150 ms for the final, 200 ms to the first answer audio.
"""

from prometheus_client import Counter, Gauge, Histogram

_STAGE_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.2, 2, 5)
_LAG_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1)

sessions_open = Gauge("voice_agent_sessions_open", "Sessions that hold a slot.", ["service"])
sessions_total = Counter(
    "voice_agent_sessions_total", "Sessions by how they began.", ["service", "outcome"]
)
sessions_lost_total = Counter(
    "voice_agent_sessions_lost_total",
    "Times that a session lost its connection and waited for its client.",
    ["service"],
)
sessions_resumed_total = Counter(
    "voice_agent_sessions_resumed_total",
    "Clients that came back: resumed, expired, refused (a last_seq that cannot be).",
    ["service", "outcome"],
)
errors_total = Counter(
    "voice_agent_errors_total", "Errors sent to clients, by code.", ["service", "code"]
)
engine_queue_wait_s = Histogram(
    "voice_agent_engine_queue_wait_seconds",
    "Time a job waited before its engine took it.",
    ["engine", "kind"],
    buckets=_STAGE_S,
)
engine_run_s = Histogram(
    "voice_agent_engine_run_seconds",
    "Time a job ran in its engine.",
    ["engine", "kind"],
    buckets=_STAGE_S,
)
engine_jobs_total = Counter(
    "voice_agent_engine_jobs_total",
    "Jobs by how they ended: done, replaced, cancelled, timeout, refused, failed.",
    ["engine", "kind", "outcome"],
)
engine_restarts_total = Counter(
    "voice_agent_engine_restarts_total", "Child processes started again.", ["engine"]
)
engine_batch_jobs = Histogram(
    "voice_agent_engine_batch_jobs",
    "Jobs that an engine ran together.",
    ["engine"],
    buckets=(1, 2, 4, 8, 16, 32),
)
engine_batch_limit = Gauge(
    "voice_agent_engine_batch_limit", "Most jobs that may run together now.", ["engine"]
)
engine_gather_s = Gauge(
    "voice_agent_engine_gather_seconds", "How long a batch waits for more jobs now.", ["engine"]
)
engine_pressure = Gauge(
    "voice_agent_engine_pressure",
    "What gives way: 0 nothing, 1 and 2 partials thin out, 3 no partials, 4 no new sessions.",
    ["engine"],
)
engine_trouble_total = Counter(
    "voice_agent_engine_trouble_total",
    "What an engine got over or gave up on: memory, failure, stuck, open, smaller_model, again.",
    ["engine", "what"],
)
audio_in_s = Counter("voice_agent_audio_in_seconds_total", "Audio received.", ["service"])
audio_out_s = Counter("voice_agent_audio_out_seconds_total", "Audio sent.", ["service"])
turns_total = Counter("voice_agent_turns_total", "Finished turns.", ["ended_by"])
revised_words_total = Counter(
    "voice_agent_revised_words_total", "Committed words that a final changed."
)
partials_total = Counter(
    "voice_agent_partials_total", "Partials shown, and hidden because they are doubtful.", ["fate"]
)
committed_words_total = Counter("voice_agent_committed_words_total", "Words committed by partials.")
final_latency_s = Histogram(
    "voice_agent_final_latency_seconds",
    "From the decision that a turn is over to its final.",
    buckets=_STAGE_S,
)
first_audio_s = Histogram(
    "voice_agent_first_audio_seconds",
    "From a synthesis request to its first audio.",
    buckets=_STAGE_S,
)
barge_in_s = Histogram(
    "voice_agent_barge_in_seconds",
    "From the decision that the caller speaks to the end of the answer's audio.",
    buckets=_STAGE_S,
)
turn_stage_s = Histogram(
    "voice_agent_turn_stage_seconds",
    "The stages between the caller's last word and the first answer audio.",
    ["stage"],
    buckets=_STAGE_S,
)
llm_requests_total = Counter(
    "voice_agent_llm_requests_total",
    "Requests to language models, by endpoint: done, failed, refused, empty.",
    ["endpoint", "outcome"],
)
tool_calls_total = Counter(
    "voice_agent_tool_calls_total",
    "Functions that the language model called: done, failed, timeout, cancelled, unknown.",
    ["tool", "outcome"],
)
summaries_total = Counter(
    "voice_agent_summaries_total", "Long conversations summarised: done, failed.", ["outcome"]
)
loop_lag_s = Histogram(
    "voice_agent_event_loop_lag_seconds",
    "How late a timer of the event loop fired.",
    buckets=_LAG_S,
)
calls_total = Counter(
    "voice_agent_calls_total",
    "Telephone streams by how they began: accepted, or why they were refused.",
    ["outcome"],
)
call_requests_total = Counter(
    "voice_agent_call_requests_total",
    "Requests of the telephone provider, by route: accepted, or why they were refused.",
    ["route", "outcome"],
)
call_events_total = Counter(
    "voice_agent_call_events_total", "What the provider's status callbacks told.", ["event"]
)
call_messages_skipped_total = Counter(
    "voice_agent_call_messages_skipped_total",
    "Messages of a telephone stream that could not be used, by what was wrong.",
    ["reason"],
)
call_gaps_total = Counter(
    "voice_agent_call_gaps_total", "How often messages of a telephone stream were missing."
)
call_filled_s = Counter(
    "voice_agent_call_filled_seconds_total", "Silence that stood in for missing messages."
)
call_marks_total = Counter(
    "voice_agent_call_marks_total",
    "Marks that came back: played, cleared, unknown.",
    ["outcome"],
)
call_control_total = Counter(
    "voice_agent_call_control_total",
    "Hang-ups and transfers asked of the provider: done, failed.",
    ["action", "outcome"],
)
records_total = Counter(
    "voice_agent_records_total",
    "Records of conversations that are over, by where they went: done, failed, lost.",
    ["where", "outcome"],
)
