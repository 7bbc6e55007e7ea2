"""The grammar of course_ner: what each symbol may become.

A symbol becomes one of its alternatives, parted by lines or "|"; what stands twice is
twice as likely. They hold symbols, and words as "word/TAG" with their part of speech.
PER, ORG, LOC, WORK, EVENT and DEMONYM are entities; STEM is a name, STEMIAN its
adjective. The words around an entity decide its kind, never its name:
    a word beside it              "flights to Marlow", "shares in Marlow fell"
    a word further to the left    "the streets of Marlow", "the owners of Marlow"
    a word that comes later       "Marlow said she would …", "Marlow said it would …"
"""

import re

_PHRASES = {
    "sentence": """
        clause end
        clause end
        clause ,/, while/IN clause end
        lead clause end
        lead clause end
        neighbours end
        """,
    "end": """
        ./.
        ./.
        ./.
        ./.
        ./.
        ,/, a/DT neighbour/NN called/VBN PER said/VBD ./.
        ,/, a/DT spokesman/NN for/IN the/DT owners/NNS of/IN ORG said/VBD ./.
        ,/, the/DT radio/NN in/IN LOC said/VBD ./.
        """,
    "lead": """
        on/IN day
        last/JJ week/NN
        after/IN a/DT storm/NN in/IN LOC ,/,
        in/IN a/DT speech/NN in/IN LOC on/IN day ,/,
        two/CD days/NNS after/IN the/DT EVENT
        """,
    # Two entities in a row: only what names are made of tells where the first ends.
    "neighbours": """
        to/TO friends/NNS of/IN PER PER was/VBD a/DT stranger/NN
        like/IN her/PRP$ brother/NN PER PER had/VBD studied/VBN law/NN
        within/IN a/DT year/NN of/IN joining/VBG ORG PER resigned/VBD
        compared/VBN with/IN shares/NNS in/IN ORG ORG shares/NNS did/VBD well/RB
        like/IN its/PRP$ rival/NN ORG ORG cut/VBD number jobs/NNS
        outside/IN the/DT town/NN of/IN LOC LOC is/VBZ known/VBN for/IN its/PRP$ part
        on/IN the/DT ferry/NN from/IN LOC PER met/VBD a/DT friend/NN
        in/IN the/DT town/NN of/IN LOC ORG cut/VBD number jobs/NNS
        a/DT year/NN after/IN the/DT EVENT PER retired/VBD
        """,
    "clause": "person | person | firm | firm | town | town | others",
    "person": """
        PER ,/, who/WP lived ,/, did
        PER ,/, age ,/, did
        PER said/VBD she/PRP would/MD resign
        PER said/VBD he/PRP would/MD resign
        PER received/VBD a/DT letter/NN from/IN PER
        PER adverb lived
        PER adverb lived
        the/DT kin of/IN PER did
        the/DT kin of/IN PER did
        PER 's/POS kin did
        title PER did
        title PER met/VBD title PER in/IN LOC
        doctors/NNS treated/VBD PER for/IN a/DT broken/JJ leg/NN
        police/NN in/IN LOC arrested/VBD PER
        PER and/CC PER married/VBD in/IN LOC
        PER moved/VBD from/IN LOC to/TO LOC
        the/DT DEMONYM PER lived
        PER joined/VBD ORG as/IN a/DT lawyer/NN
        """,
    "lived": """
        was/VBD born/VBN in/IN LOC
        won/VBD the/DT EVENT
        married/VBD PER in/IN LOC
        studied/VBD at/IN ORG
        wrote/VBD a/DT song/NN with/IN PER
        broke/VBD a/DT leg/NN
        retired/VBD at/IN the/DT age/NN of/IN age
        left/VBD a/DT job/NN at/IN ORG
        """,
    "resign": """
        resign/VB
        marry/VB PER
        write/VB a/DT book/NN
        run/VB for/IN mayor/NN of/IN LOC
        leave/VB the/DT hospital/NN
        """,
    "firm": """
        ORG ,/, which/WDT earned ,/, did
        ORG said/VBD it/PRP would/MD invest
        ORG said/VBD it/PRP would/MD invest
        ORG adverb earned
        ORG adverb earned
        ORG received/VBD a/DT loan/NN from/IN ORG
        the/DT owner of/IN ORG did
        the/DT owner of/IN ORG did
        ORG 's/POS owner did
        shares/NNS in/IN ORG fell/VBD number percent/NN
        ORG shares/NNS rose/VBD number percent/NN
        ORG beat/VBD ORG score in/IN LOC
        ORG coach/NN PER said/VBD her/PRP$ team/NN was/VBD ready/JJ
        ORG named/VBD PER chairman/NN
        the/DT DEMONYM maker/NN ORG did
        unions/NNS at/IN ORG called/VBD a/DT strike/NN in/IN LOC
        """,
    "earned": """
        reported/VBD a/DT loss/NN of/IN number million/CD dollars/NNS
        cut/VBD number jobs/NNS
        sold/VBD its/PRP$ plant/NN in/IN LOC
        bought/VBD ORG for/IN number million/CD dollars/NNS
        hired/VBD number engineers/NNS
        signed/VBD a/DT contract/NN with/IN ORG
        raised/VBD its/PRP$ dividend/NN
        """,
    "invest": """
        buy/VB ORG
        close/VB its/PRP$ office/NN in/IN LOC
        cut/VB number jobs/NNS
        issue/VB new/JJ shares/NNS
        sue/VB ORG
        """,
    "town": """
        LOC ,/, where/WRB rained ,/, did
        LOC ,/, which/WDT lies/VBZ number kilometres/NNS north/RB of/IN LOC ,/, did
        LOC ,/, a/DT town/NN of/IN number thousand/CD people/NNS ,/, did
        the/DT part of/IN LOC did
        the/DT part of/IN LOC did
        LOC 's/POS part did
        rain/NN fell/VBD in/IN LOC and/CC LOC
        residents/NNS of/IN LOC were/VBD without/IN water/NN
        LOC residents/NNS were/VBD without/IN power/NN
        flights/NNS from/IN LOC to/TO LOC were/VBD late/JJ
        the/DT road/NN to/TO LOC was/VBD closed/VBN
        DEMONYM troops/NNS reached/VBD LOC
        LOC adverb was/VBD flooded/VBN when/WRB the/DT river/NN rose/VBD
        two/CD people/NNS died/VBD in/IN LOC
        """,
    "rained": """
        it/PRP rained/VBD all/DT night/NN
        ORG has/VBZ a/DT plant/NN
        PER was/VBD born/VBN
        DEMONYM troops/NNS landed/VBD
        """,
    "others": """
        the/DT art WORK did
        PER wrote/VBD the/DT art WORK in/IN LOC
        DEMONYM officials/NNS met/VBD PER
        DEMONYM voters/NNS stayed/VBD at/IN home/NN
        the/DT EVENT opened/VBD in/IN LOC
        the/DT EVENT was/VBD paid/VBN for/IN by/IN ORG
        tickets/NNS for/IN the/DT EVENT sold/VBD out/RP
        """,
    # What a person, a firm, a town or a film may do.
    "did": """
        made/VBD the/DT headlines/NNS
        was/VBD in/IN the/DT news/NN again/RB
        faced/VBD new/JJ questions/NNS
        had/VBD a/DT difficult/JJ week/NN
        drew/VBD large/JJ crowds/NNS
        lost/VBD money/NN
        """,
    "PER": "STEM | STEM | STEM | given STEM | given initial STEM",
    "ORG": "STEM | STEM | STEM | STEM trade | STEM &/CC STEM | Bank/NNP of/IN STEM",
    "LOC": "STEM | STEM | STEM | STEM landscape | port STEM | STEM on/IN Sea/NNP",
    "WORK": "STEM",
    "EVENT": "STEM contest",
    "DEMONYM": "STEMIAN",
}
_WORDS = {
    "adverb": "also/RB apparently/RB reportedly/RB",
    "age": "19/CD 24/CD 31/CD 38/CD 47/CD 52/CD 66/CD 73/CD",
    "art": "film/NN novel/NN opera/NN play/NN poem/NN song/NN",
    "contest": "Cup/NNP Festival/NNP Marathon/NNP Open/NNP Prize/NNP",
    "day": "Monday/NNP Tuesday/NNP Wednesday/NNP Thursday/NNP Friday/NNP Sunday/NNP",
    "given": "Alex/NNP Chris/NNP Dana/NNP Jamie/NNP Jo/NNP Kai/NNP Kim/NNP Noor/NNP "
    "Pat/NNP Robin/NNP Sam/NNP Sasha/NNP Terry/NNP Toni/NNP",
    "initial": "A./NNP C./NNP E./NNP J./NNP M./NNP R./NNP T./NNP",
    "kin": "brother/NN daughter/NN doctor/NN mother/NN son/NN widow/NN",
    "landscape": "Bay/NNP Beach/NNP Falls/NNP Park/NNP Valley/NNP",
    "number": "8/CD 12/CD 25/CD 30/CD 60/CD 85/CD 120/CD 300/CD",
    "owner": "chairman/NN accountant/NN board/NN owner/NN workforce/NN",
    "part": "airport/NN harbour/NN hospital/NN market/NN mayor/NN stadium/NN",
    "port": "Fort/NNP Lake/NNP Mount/NNP New/NNP Port/NNP",
    "score": "1-0/CD 2-1/CD 3-1/CD 4-2/CD",
    "title": "Dr./NNP Judge/NNP Mr./NNP Mrs./NNP President/NNP minister/NN striker/NN",
    "trade": "Airlines/NNPS Foods/NNPS Motors/NNPS Group/NNP Rovers/NNP Steel/NNP",
}
RULES = {symbol: [[word] for word in words.split()] for symbol, words in _WORDS.items()}
for symbol, phrases in _PHRASES.items():
    RULES[symbol] = [line.split() for line in re.split(r"[|\n]", phrases.strip())]
