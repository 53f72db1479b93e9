"""Words that say how something is asked, not what is asked for; folded as in ``tokens.fold``.

English function and question words with the rests of contractions (``don't`` is cut at its
apostrophe), and the most frequent function and question words of Urdu, Persian and Arabic.
"""

from __future__ import annotations

_ENGLISH = """
a about above after again against all also although am an and any are aren as at be because been
before being below between both but by can cannot could couldn d did didn do does doesn doing don
down during each either etc few for from further had hadn has hasn have haven having he her here
hers herself him himself his how however i if in into is isn it its itself just let ll m may me
might mine more most much must my myself neither no nor not now of off on once one only or other
our ours ourselves out over own please re s same shall she should shouldn so some such t tell than
that the their theirs them themselves then there therefore these they this those through thus to
too under until up upon us ve very via was wasn we were weren what whatever when where whether
which while who whom whose why will with within without won would wouldn yes yet you your yours
yourself
"""
_URDU_PERSIAN_ARABIC = """
کا کي کے کو ميں سے پر نے ہے ہيں تہا تہي تہے اور يا يہ وہ کيا کيسے کيوں کون کب کہاں کس جو کہ تو
بہي ہي اس ان ايک ليے کر کرنا کرتا کرتے ہوتا ہوتي ہوتے ہو
از بہ با در را اين و چہ چرا چگونہ کجا است ہست براي تا ہم
في من الي علي عن ما ماذا ہل کيف لماذا متي اين ہذا ہذہ التي الذي او ہو ہي
"""


STOPWORDS = frozenset(f"{_ENGLISH}{_URDU_PERSIAN_ARABIC}".split())


_VAGUE = """
able actually added advantage advantages allow allowed another answer anything around ask
available back bad based become becomes begin belong belongs benefit benefits best better big book
bring cause certain change chapter clear come comes common contain contains cover covered create
created day deal define defined demand depend describe described describes detail details differ
difference differences different disadvantage disadvantages divided done drawback drawbacks easy
either else enough ever every everything exactly example examples exist exists explain explained
fast find finish finishing first fix get gets getting give given gives go goes going good great
hand happen happened happens hard help helpful hold holds idea important include included instead
involve keep kind kinds know known large lead learn leave let like little long look made main make
makes making many mean meaning means meant mention mentioned need needed needs new next nice
obtain old order overview people perform piece please possible problem proper provide purpose put
question quick quickly quite read real really reason recommend recommended require required right
said say says second section see seem several show shown simple simply single small someone
something sometimes sort specific stand stands still summary sure take taken tell thing things
think time today together toward treat turn two understand use used useful user uses using usual
usually various want wat way ways well work working works write written wrong
"""

VAGUE = frozenset(_VAGUE.split())
"""Words that questions about anything are made of: they find passages, but that a passage has them
is little evidence that it answers."""
