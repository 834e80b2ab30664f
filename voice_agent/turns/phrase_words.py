"""Words that say whether a phrase is over, by language.

Closed classes of a language's grammar and set phrases, not words of any test. A language that is
not here has no rules: the sound alone decides its turns.
"""

from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(phrase.split()) for phrase in text.split("|"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseWords:
    """What `phrase_end` looks for, in lower case.

    Attributes:
        hanging: Nothing ends with one of these: articles, conjunctions, most prepositions.
        often_hanging: More often than not something follows: auxiliaries, subject pronouns,
            verbs that want an object.
        fillers: Sounds of somebody who thinks.
        weak_fillers: Words that are such sounds if they stand alone.
        lead_ins: Phrases that open a sentence and say nothing by themselves.
        subordinators: A clause that begins with one needs another clause.
        askers: First words of a question.
        openers: Conjunctions at the beginning of a sentence that is left hanging if it has no
            subject of `subjects` and no auxiliary soon ("and so, my friends").
        subjects: Pronouns that are one.
        auxiliaries: After a subordinator, they make it a question ("when will").
        stranded: Prepositions that may end a question ("who do I talk to?").
        elliptic: Two words at the end that are a whole answer although the second often hangs.
        closings: Last words of somebody who is done.
        digits: Spoken ones.
        numerals: Others, of two digits; one before a digit ("twenty five") stands for one.
    """

    hanging: frozenset[str]
    often_hanging: frozenset[str]
    fillers: frozenset[str]
    weak_fillers: frozenset[str]
    lead_ins: frozenset[tuple[str, ...]]
    subordinators: frozenset[str]
    askers: frozenset[str]
    openers: frozenset[str]
    subjects: frozenset[str]
    auxiliaries: frozenset[str]
    stranded: frozenset[str]
    elliptic: frozenset[tuple[str, ...]]
    closings: frozenset[tuple[str, ...]]
    digits: frozenset[str]
    numerals: frozenset[str]


_ENGLISH_AUXILIARIES = (
    "am is are was were be been do does did have has had will would can could should shall may "
    "might must isn't aren't wasn't weren't don't doesn't didn't haven't hasn't won't wouldn't "
    "can't couldn't shouldn't"
)

_ENGLISH = PhraseWords(
    hanging=_words(
        "a an the my your our their its every "
        "and or but nor because if whether although though unless while than as "
        "of to for with from at by into onto under between during without against among "
        "toward towards via per like until till since upon regarding concerning "
        "i'm i'd i'll i've you're you'd you'll we're we'd we'll we've they're they'll they've "
        "he's she's it's it'll there's that's what's who's where's here's let's "
        "very quite not only both either neither whose mr mrs ms dr"
    ),
    often_hanging=_words(
        f"{_ENGLISH_AUXILIARIES} "
        "i we they he she who what which where when how that these those some any "
        "in on about over after before through around near behind next first "
        "then also so even just maybe perhaps please "
        "need want want's get make take give put bring send say says said tell told think thinks "
        "know guess mean see let find buy looking calling asking trying going gonna wanna "
        "called named starts plus minus dot dash underscore slash"
    ),
    fillers=_words("um uh er erm hmm hm mm ah eh uhm"),
    weak_fillers=_words("well like so now okay yeah oh"),
    lead_ins=_phrases(
        "in short|for example|for instance|in other words|on the other hand|on the one hand|"
        "first of all|to be honest|by the way|in my opinion|as far as i know|you know|i mean|"
        "let me see|let me think|i think|i guess|you see|in fact|in general|after all|at least|"
        "in the end|above all|of course|as well as|such as|so that|in order|in addition|"
        "as i said|that is|my name|the number|my number|the address|my address|the thing|"
        "hello|hi|hey|hi there|hello there|good morning|good afternoon|good evening|"
        "excuse me|i was wondering|could you|can you|would you|can i|could i|may i|i would like|"
        "i want|i need|yes and|no but|actually|anyway|however|therefore|okay so|well you see|"
        "i don't know|kind of|sort of|a lot of|one of|this is|it depends|the one"
    ),
    subordinators=_words(
        "if when whenever because although though unless while since after before once until as "
        "whatever wherever whoever whether even"
    ),
    askers=_words(
        f"{_ENGLISH_AUXILIARIES} who whom whose what what's which where where's when when's why "
        "how how's"
    ),
    openers=_words("and so but"),
    subjects=_words("i you he she it we they that this there i'm it's that's we're they're you're"),
    auxiliaries=_words(_ENGLISH_AUXILIARIES),
    stranded=_words("to for with from at of like about by into"),
    elliptic=_phrases(
        "i do|i am|i did|i have|i will|i can|i would|it is|it was|it does|it did|it has|they are|"
        "they do|he is|he does|she is|she does|we are|we do|we did|we have|you are|you do|you can|"
        "i don't|i didn't|i can't|i won't|i haven't|it isn't|it doesn't|it didn't|it wasn't|"
        "they don't|we don't|that is|not yet|i think so|think so|hope so|like that|do that|"
        "about that|said that|did that|of that|guess so|me please|you please"
    ),
    closings=_phrases(
        "thanks|thank you|thank you very much|thanks a lot|thank you so much|bye|goodbye|bye bye|"
        "that's all|that is all|that's it|that would be all|please|have a nice day|see you|"
        "talk to you soon|see you tomorrow|see you soon|for your help|nothing else|"
        "that was everything|good night|cheers"
    ),
    digits=_words("zero oh one two three four five six seven eight nine double"),
    numerals=_words(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
        "twenty thirty forty fifty sixty seventy eighty ninety triple"
    ),
)

PHRASE_WORDS = {"en": _ENGLISH}
"""By language code."""
