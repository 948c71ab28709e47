"""Tell short texts by words that nearly every sentence of a language has, where letter statistics fail.

"Wo ist mein Paket?" has fourteen letters: too few for n-grams, plenty for a reader. The lists hold the commonest
function words and the words a support desk hears first; a word of several languages counts for each of them.
"""

import re
from collections import Counter
from dataclasses import dataclass

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")

LISTS = {
    "en": (
        "the and is are was i i'm it's my your you what where when how why please pls plz thanks thank hello hi hey "
        "refund order help with for not have has this that can't don't need want would could still yes sorry okay bye "
        "working account card delivery shipping cancel password money back love good morning to of in on it they"
    ),
    "de": (
        "der die das und ist sind ich mein meine mir mich sie wir nicht kein keine ein eine wo wann warum was bitte "
        "danke hallo guten tag morgen bestellung paket lieferung rückerstattung geld zurück habe hat noch für mit auf "
        "kann können möchte hilfe konto rechnung ja nein auch aber schon immer vielen"
    ),
    "fr": (
        "le la les et est sont je j'ai mon ma mes vous nous ne pas une un où quand comment pourquoi quel merci bonjour "
        "bonsoir salut commande colis livraison remboursement argent s'il plaît avec pour dans sur toujours encore "
        "oui non aide compte carte c'est n'est avez peux veux voudrais"
    ),
    "es": (
        "el la los las y es son yo mi mis usted no una un dónde donde cuándo cómo por qué gracias hola buenos buenas "
        "días tardes pedido paquete envío reembolso dinero favor con para en está estoy quiero puedo necesito ayuda "
        "cuenta tarjeta sí todavía pero muy"
    ),
    "it": (
        "il lo la gli e è sono io mio mia mie non una un dove quando come perché che grazie ciao salve buongiorno "
        "ordine pacco spedizione rimborso soldi per favore con in nel ho vorrei posso aiuto conto carta sì ancora ma "
        "molto questo della di"
    ),
    "pt": (
        "o os as e é são eu meu minha você não uma um onde quando como porque que obrigado obrigada olá oi bom boa dia "
        "pedido encomenda entrega reembolso dinheiro favor com para em está estou quero posso preciso ajuda conta "
        "cartão sim ainda mas muito"
    ),
    "nl": (
        "de het een en is zijn ik mijn jullie u niet geen waar wanneer hoe waarom wat bedankt dank hallo goedemorgen "
        "bestelling pakket levering terugbetaling geld terug alstublieft met voor op in heb heeft wil graag hulp "
        "rekening ja nee nog maar kan kunnen"
    ),
    "da": (
        "og er jeg min mit mine du ikke en et den det hvor hvornår hvordan hvorfor hvad tak hej goddag ordre pakke "
        "levering refusion penge tilbage venligst med for på har vil gerne hjælp konto kort ja nej stadig men kan"
    ),
    "sv": (
        "och är jag min mitt mina du inte en ett den det var när hur varför vad tack hej beställning paket leverans "
        "återbetalning pengar tillbaka snälla med för på har vill gärna hjälp konto kort ja nej fortfarande men kan"
    ),
    "no": (
        "og er jeg min mitt mine du ikke en et den det hvor når hvordan hvorfor hva takk hei bestilling pakke levering "
        "refusjon penger tilbake vennligst med for på har vil gjerne hjelp konto kort ja nei fortsatt men kan"
    ),
    "pl": (
        "i jest są ja mój moja moje nie gdzie kiedy jak dlaczego co dziękuję dzień dobry cześć zamówienie paczka "
        "zwrot pieniądze proszę z dla na w mam chcę pomoc konto tak jeszcze ale mogę się"
    ),
    "tr": (
        "ve bir bu ben benim siz değil nerede ne zaman nasıl neden teşekkürler teşekkür merhaba selam siparişim "
        "kargo iade para lütfen ile için var yok istiyorum yardım hesap kart evet hayır hala ama"
    ),
    "fi": (
        "ja on ovat minä minun ei en missä milloin miten miksi mitä kiitos hei moi tilaus paketti toimitus rahat "
        "takaisin ole hyvä kanssa haluan apua tili kortti kyllä vielä mutta voin"
    ),
}

LANGUAGES_OF: dict[str, tuple[str, ...]] = {
    word: tuple(code for code, words in LISTS.items() if word in words.split())
    for word in sorted({word for words in LISTS.values() for word in words.split()})
}
FEW_WORDS = 3


@dataclass(frozen=True, slots=True)
class KnownWords:
    """How many different everyday words of each language a text holds, and of how many words."""

    hits: dict[str, int]
    words: int

    @property
    def telling(self) -> tuple[str, ...]:
        """The languages that hold most of them; none where there are too few to tell.

        Two known words are enough, in a text of three words or fewer one.
        """
        most = max(self.hits.values(), default=0)
        if most < (1 if self.words <= FEW_WORDS else 2):
            return ()
        return tuple(sorted(code for code, hits in self.hits.items() if hits == most))


def known_words(text: str) -> KnownWords:
    """Count the everyday words of each language in a text, a repeated word once."""
    words = [word.lower().replace("’", "'") for word in WORD.findall(text)]
    hits = Counter(code for word in dict.fromkeys(words) for code in LANGUAGES_OF.get(word, ()))
    return KnownWords(dict(hits), len(words))
