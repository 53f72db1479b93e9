"""Words that anybody uses about anything: common English verbs, adjectives, adverbs and nouns.

A book that lacks one of them need not lack the subject, as it may say "prevents" for "avoids"; and
a passage that has one need not be about the question, as "life" stands in "lifetime of a value,
which lasts its whole life". A list from general knowledge of the language, not from any book.
"""

from __future__ import annotations

from backend.text.stopwords import VAGUE
from backend.text.tokens import stem

_VERBS = """
accept accompany accomplish account achieve acquire act adapt add adjust admit adopt advise affect
afford agree aim allow alter announce appear apply appreciate approach approve argue arise arrange
arrive assist assume attach attempt attend attract avoid bear beat become begin behave believe
belong bend blame block blow break breathe bring build burn buy call calm care carry catch cause
cease change charge chase check choose claim clean clear climb close collect combine come commit
communicate compare complain complete concern conclude conduct confirm confuse connect consider
consist continue contribute control convert convince cook cope correct cost count cover crash create
cross cry cut damage dance dare deal decide declare decline decorate decrease delay deliver demand
deny depend derive describe deserve desire destroy determine develop die differ disappear discover
discuss dislike distinguish distribute divide doubt draw dream dress drink drive drop eat elect
eliminate embrace emerge employ empty enable encounter encourage end enhance enjoy ensure enter
establish estimate examine exceed exclude excuse exhibit exist expand expect experience explain
explore express extend face fail fall fear feed feel fetch fight fill find finish fit fix float flow
fly fold follow forbid force forget forgive form gain gather get give go grab grant grow guarantee
guess guide handle hang happen hate hear help hesitate hide hit hold hope hurry hurt identify ignore
illustrate imagine imply improve include increase indicate influence inform inspect inspire intend
interest introduce invent invest invite involve join judge jump justify keep kick kill knock know
lack last laugh launch lay lead learn leave lend let lie lift like listen live look lose love lower
maintain make manage mark marry matter measure meet mention mind miss mix modify motivate mount move
multiply need notice obey object observe obtain occupy occur offer open operate oppose order
organize overcome owe own participate pass pay perform permit persuade pick place plan plant play
please point possess pour practise praise prefer prepare present preserve press pretend prevent
proceed produce promise promote propose protect prove provide publish pull purchase push put qualify
raise reach react read realize recall receive recognize recommend record recover reduce refer
reflect refuse regard reject relate relax release rely remain remember remind remove repair repeat
replace reply report represent request require rescue resist resolve respect respond rest restrict
result retain retire return reveal ride ring rise risk roll rub ruin run rush satisfy save say
search see seek seem select sell send separate serve set settle shake shape share shift shine shoot
shout show shrink shut sign sing sink sit sleep slide slip smell smile solve sort sound speak speed
spell spend spill split spoil spread stand stare start stay steal stick stop strengthen stretch
strike study submit succeed suffer suggest suit supply support suppose surprise surround survive
suspect swim switch take talk taste teach tear tell tend test thank think throw tie touch train
travel treat trust try turn type understand undertake unite update urge use vary visit vote wait
wake walk want warn wash waste watch wear weigh win wipe wish wonder work worry wrap write yell
"""
_PAST = """
ate beaten became become began begun bent bitten blew blown bought bound broke broken brought built
burnt came caught chose chosen cost crept dealt drank drawn dreamt drew driven drove dug eaten
fallen fed fell felt flew flown forbidden forgot forgotten fought found froze frozen gave given gone
got gotten grew grown heard held hidden hid hurt kept knew known laid lain lay led left lent lit
lost made meant met paid put ran rang read ridden risen rode rose said sang sat saw seen sent shaken
shone shook shot shown sold sought spent spoke spoken sprang spread stole stolen stood struck stuck
sung sunk swam swept swore sworn taken taught thought threw thrown told took tore torn understood
went woke woken won wore worn wound written wrote
"""
_ADJECTIVES = """
able absent absolute acceptable accurate active actual additional adequate afraid alive alone
amazing ancient angry annual anxious apparent appropriate asleep attractive automatic average aware
awful bad basic beautiful big bitter black blue bold boring brave brief bright brilliant broad brown
busy calm capable careful central certain cheap chief clean clear clever close cold comfortable
common comparable compatible complete complex complicated considerable consistent constant
convenient cool correct crazy critical cruel current dangerous dark dead deep delicate dense
difficult direct dirty distant double dry dull eager early easy effective efficient elder elegant
empty enormous entire equal essential even everyday evident exact excellent excited exciting
expensive extra extreme fair false familiar famous fancy fast fat favourite female final fine firm
fit flat foreign formal former free frequent fresh friendly full fun funny future general gentle
glad global golden good grand grateful great green grey guilty happy hard harmful healthy heavy
helpful high honest hot huge hungry ideal identical ill illegal immediate important impossible
impressive independent initial inner innocent intelligent interesting internal large late latter
lazy legal likely little local lonely long loose loud lovely low lucky mad magic main major male
massive mature maximum meaningful mean medical medium mental mere mild minimum minor missing mobile
modern moral mutual narrow nasty natural near neat necessary negative nervous new nice noisy normal
obvious odd official old open opposite ordinary original outer overall painful pale particular past
patient perfect permanent personal physical pink plain pleasant plenty polite poor popular positive
possible potential powerful practical precious precise preferable preferred pregnant present pretty
previous primary principal prior private probable proper proud public pure quick quiet rapid rare
raw ready real realistic reasonable recent red regular relative relevant reliable remarkable remote
responsible rich right rough round rude sad safe same satisfied scared secret secure senior sensible
sensitive separate serious severe sharp short shy sick significant silent silly similar simple
single slight slow small smart smooth social soft solid special specific stable standard steady
stiff straight strange strict strong stupid substantial successful sudden sufficient suitable super
sure surprising sweet swift tall temporary terrible thick thin tight tiny tired top total tough
traditional true typical ugly unable unique unusual upper urgent useful useless usual valuable
various vast vital warm weak wealthy weird well wet white whole wide wild willing wise wonderful
wooden worse worst worth worthy wrong yellow young
"""
_ADVERBS = """
aboard abroad absolutely according accordingly across actually afterwards ago ahead almost alongside
altogether among anyhow anymore anytime anyway anywhere apart approximately aside away barely
basically besides beyond certainly completely consequently constantly currently daily definitely
deliberately despite directly early easily effectively elsewhere entirely especially essentially
eventually everybody everyone everywhere exactly extremely fairly finally forever formerly forth
fortunately forward frequently fully furthermore generally gradually greatly hardly hence hopefully
immediately increasingly indeed instantly largely lately later least less likewise literally mainly
maybe meanwhile merely moreover mostly namely naturally nearby nearly necessarily nevertheless
nobody none nonetheless normally nothing notably nowadays nowhere obviously occasionally often okay
originally otherwise overnight particularly partly per perfectly perhaps personally precisely
presumably previously primarily probably properly quickly rarely rather recently regarding
regardless relatively repeatedly roughly seldom separately seriously shortly significantly similarly
simply simultaneously since slightly slowly somebody somehow somewhat somewhere soon specifically
still strictly successfully suddenly supposedly surely thereby throughout tomorrow tonight totally
truly twice typically ultimately unfortunately unless unlike unlikely usually versus virtually vs
whereas wherever widely yesterday yet
"""
_NOUNS = """
ability absence activity addition advice affair afternoon age air amount animal answer anybody
appearance area argument arm army art aspect attention attitude aunt autumn baby back background
ball band bank bar base bath beach bed bedroom beginning being belief benefit bike bill bird birth
birthday bit blood board boat body boss bottle bottom box boy brain bread breakfast breath brother
business camera camp capital car card career case cat century chair challenge chance chapter
character chart cheese chicken child childhood children choice church circle circumstance city class
club coat coffee college colour color comment community company comparison competition computer
concept conclusion condition conversation corner country couple course cousin crime crowd culture
cup customer dad danger date daughter death debate debt decade decision degree depth desk detail
diet dinner direction disease distance doctor dog dollar door dozen drawback dream drug dust duty
ear earth east economy edge education effect effort egg election emotion energy environment euro
evening event evidence exam exception exercise expense expert extent eye fact factor family farm
fashion father favour feature feeling feet field figure film finger fire fish floor flower food foot
football freedom friend fruit garden gas gift girl glass goal god gold government grade grandmother
grass ground group guest guy habit hair half hall hand hat head health heart heat height hill
history hobby holiday home horse hospital hotel hour house human husband idea image impact
importance inch income individual industry information instance instrument intention interview issue
item job journey joy juice key kid kilometre kind king kitchen knee knife knowledge lady lake land
language law lawyer leader leg length lesson letter level library life light line lip list living
location lot luck lunch machine magazine majority man manner map market marriage material meal
meaning meat media member memory men metal metre meter middle mile milk minister minute mirror
mistake moment money month mood moon morning mother mountain mouth movie music name nation nature
neck neighbour news newspaper night noise nose note novel number occasion ocean office oil opinion
opportunity option order other outcome owner page pain pair paper parent park part partner party
pass path patient pay peace pen people period person phone photo picture piece player pleasure plot
pocket poem police policy politics population position possibility post pound power president price
pride prison problem profit programme progress project property purpose quality quantity quarter
queen question race rain range rate ratio reader reality reason region relationship religion rent
reputation responsibility restaurant rice river road rock role room root row rule salary sale salt
sample sand saving scale scene schedule school science scientist sea seat season second secret
section sense sentence series service sex share ship shirt shoe shop shoulder side sight sign silver
sister situation size skill skin sky snow soap society son song soul sound south space speech sport
spot spring square staff stage stair star state statement station status step stomach stone store
storm story stranger street strength stress student stuff style subject success sugar suggestion
summer sun surface surprise sweater table task tax tea teacher team tear technology television term
theory thing thought threat tip title today tomato tone tool tooth top topic town trade tradition
train travel tree trend trip trouble truth tyre uncle university vacation value variety vegetable
victim view village violence voice volume war water way weakness wealth weapon weather wedding week
weekend weight west wheel wife wind window wine winter woman women wood word worker world year youth
zero one two three four five six seven eight nine ten eleven twelve hundred thousand million billion
first second third fourth fifth once
"""

TURNS = frozenset(map(stem, (*f"{_VERBS}{_PAST}{_ADJECTIVES}{_ADVERBS}".split(), *VAGUE)))
"""The terms of everyday words that say what is done, and how: none of them is a subject."""
EVERYDAY = TURNS | frozenset(map(stem, _NOUNS.split()))
"""The terms of all everyday words, the names of everyday things among them."""
