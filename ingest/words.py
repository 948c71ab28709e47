"""The words that exports use for people, for what is private, and for their columns, in several languages."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

ROLES: dict[str, tuple[str, ...]] = {
    "customer": (
        "customer", "user", "end user", "enduser", "visitor", "client", "requester", "caller", "consumer", "guest",
        "buyer", "shopper", "patient", "member", "subscriber", "passenger", "tenant", "student", "human", "lead",
        "contact", "inbound", "incoming", "from customer", "in", "kunde", "kundin", "benutzer", "nutzer", "besucher",
        "besucherin", "anrufer", "cliente", "usuario", "usuário", "usuaria", "visitante", "utilisateur", "visiteur",
        "klient", "klientka", "klant", "gebruiker", "bezoeker", "utente", "visitatore", "kund", "användare", "bruger",
        "bruker", "asiakas", "müşteri", "kullanıcı", "zákazník", "клиент", "покупатель", "пользователь", "клієнт",
        "客户", "客戶", "顾客", "用户", "用戶", "お客様", "お客さま", "顧客", "ユーザー", "고객", "사용자", "عميل",
    ),
    "agent": (
        "agent", "rep", "representative", "advisor", "adviser", "support", "operator", "staff", "employee",
        "consultant", "specialist", "assistant", "admin", "csr", "helpdesk", "service desk", "support agent",
        "human agent", "customer support", "customer service", "customer care", "customer success",
        "customer service representative", "support rep", "teammate", "seller", "wizard", "outbound", "outgoing",
        "out", "light agent", "mitarbeiter", "mitarbeiterin", "berater", "beraterin", "kundendienst", "kundenservice",
        "sachbearbeiter", "agente", "asesor", "asesora", "operador", "operadora", "atendente", "soporte", "suporte",
        "conseiller", "conseillère", "opérateur", "opératrice", "medewerker", "klantenservice", "operatore",
        "assistente", "konsultant", "doradca", "kundtjänst", "medarbejder", "temsilci", "агент", "оператор",
        "поддержка", "консультант", "менеджер", "客服", "座席", "坐席", "担当者", "担当", "オペレーター", "상담원",
        "상담사", "موظف",
    ),
    "bot": (
        "bot", "chatbot", "chat bot", "virtual assistant", "virtual agent", "automated agent", "ai", "ai agent", "ki",
        "robot", "autoresponder", "auto responder", "answer bot", "answerbot", "custom bot", "ivr", "gpt", "llm",
        "voicebot", "бот", "机器人", "機器人", "ボット", "봇",
    ),
    "system": (
        "system", "sys", "event", "trigger", "automation", "auto", "workflow", "notification", "info", "tool",
        "function", "developer", "status", "server", "sistema", "système", "systeem", "система", "系统", "系統",
        "システム", "시스템",
    ),
}  # fmt: skip

RATINGS: dict[str, Literal["good", "neutral", "bad"]] = {
    "good": "good", "great": "good", "positive": "good", "satisfied": "good", "happy": "good", "yes": "good",
    "neutral": "neutral", "ok": "neutral", "okay": "neutral",
    "bad": "bad", "poor": "bad", "negative": "bad", "unsatisfied": "bad", "dissatisfied": "bad", "unhappy": "bad",
    "no": "bad",
}  # fmt: skip

PUBLIC_WORDS = frozenset({"public", "external", "visible", "everyone", "reply", "öffentlich", "público", "publique"})
INTERNAL_WORDS = frozenset({"private", "internal", "hidden", "note", "staff", "whisper", "intern", "privé", "interno"})

KINDS: dict[str, frozenset[str]] = {
    "message": frozenset(
        {"message", "reply", "comment", "chat", "text", "email", "mail", "response", "answer", "question", "msg",
         "conversation", "public", "public reply", "public comment", "customer", "incoming", "outgoing", "sms"}
    ),
    "note": frozenset(
        {"note", "internal note", "private note", "internal comment", "whisper", "notiz", "nota",
         "interne notiz", "interner kommentar", "nota interna", "note interne", "interne notitie"}
    ),
    "event": frozenset(
        {"event", "system", "system event", "status", "assignment", "join", "leave", "joined", "left", "transfer",
         "close", "closed", "open", "opened", "reopened", "action", "activity", "audit"}
    ),
}  # fmt: skip

COLUMNS: dict[str, str] = {
    "conversation_id": "conversationid conversation convid convoid conversationkey conversationhash ticketid ticket"
    " ticketnumber ticketno chatid chat chatkey sessionid session threadid thread caseid case casenumber caseno"
    " dialogueid dialogid dialogue dialog callid contactid interactionid interaction requestid issueid issuekey issue"
    " incidentid incident incidentnumber conversationref roomid channelid discussionid transcriptid gesprächsid"
    " gespräch gespraechsid ticketnummer vorgangsnummer vorgang fallnummer chatnummer idconversacion idconversación"
    " conversacion conversación conversaciónid numerodeticket idticket idconversa conversa idconversation"
    " numerodeticket gespreksid zaaknummer idconversazione номертикета диалог обращение"
    " 会话id 会话编号 对话id 工单号 工单 会話id チケット番号 대화id",
    "turns": "turns messages utterances transcript conversation dialogue dialog chat chattranscript conversationtext"
    " comments events parts conversationparts log chatlog history thread threads replies body transcripttext verlauf"
    " chatverlauf gesprächsverlauf transcripción transcripcion conversación transcrição transcription échanges 对话"
    " 聊天记录 会話",
    "text": "text message body content msg utterance comment description messagetext messagebody bodytext plaintext"
    " textbody plainbody htmlbody bodyhtml html commentbody messagecontent value sentence reply response transcript"
    " nachricht nachrichtentext inhalt kommentar texto mensaje mensagem contenido conteudo conteúdo contenu texte"
    " bericht inhoud messaggio testo wiadomość treść meddelande innehåll besked viesti mesaj текст сообщение"
    " 内容 消息 文本 消息内容 本文 メッセージ 内容文 메시지 내용",
    "role": "role speaker speakerrole speakertype sender sendertype senderrole from fromrole fromtype author"
    " authortype authorrole participantrole participanttype participant party actor actortype usertype userrole persona"
    " direction who side source origin messagefrom sentby messagesender sprecher rolle absender absendertyp rol"
    " remitente hablante autor emisor rôle expéditeur auteur locuteur ruolo mittente afzender rola nadawca avsändare"
    " роль отправитель автор 角色 发送者 发送方 说话人 発言者 役割 발신자 역할",
    "author": "authorid senderid authorname sendername speakername speakerid fromid fromname userid username agentid"
    " participantid participantname actorid actorname author sender name displayname autorname absendername"
    " nombre nom naam",
    "author_email": "authoremail senderemail speakeremail actoremail fromemail participantemail absenderemail",
    "turn_id": "messageid msgid turnid utteranceid commentid eventid replyid entryid partid messageno nachrichtid"
    " nachrichtenid idmensaje idmensagem uuid guid id 消息id",
    "created_at": "createdat created timestamp time ts date datetime sentat sent sentdate senttime messagetime"
    " messagedate createddate createdtime createtime creationdate timecreated posted postedat when startts occurredat"
    " zeit zeitpunkt zeitstempel datum uhrzeit erstelltam gesendetam fecha hora fechahora fechadecreacion"
    " fechadecreación data datahora date_heure horodatage dateheure datecreation tijd tijdstip tijdstempel ora orario"
    " czas tid tidspunkt tidpunkt дата время 时间 日期 发送时间 創建時間 日時 時刻 시간 날짜",
    "visibility": "visibility public ispublic private isprivate internal isinternal isnote internalnote privatenote"
    " privacy sichtbarkeit öffentlich visibilidad visible visibilité",
    "kind": "type kind messagetype eventtype entrytype commenttype turntype parttype art typ tipo",
    "turn_language": "lang language locale",
    "subject": "subject title topic summary ticketsubject emailsubject betreff asunto assunto objet sujet oggetto"
    " onderwerp temat ämne тема 主题 标题 件名 제목",
    "channel": "channel via medium contactchannel channeltype ticketchannel kanal canal canale kanaal канал 渠道",
    "status": "status state ticketstatus conversationstatus estado statut stato stan статус 状态",
    "priority": "priority ticketpriority urgency priorität prioridad prioridade priorité prioriteit приоритет 优先级",
    "tags": "tags tag labels label tagnames schlagworte schlagwörter etiquetas étiquettes теги 标签",
    "language": "lang language locale ticketlanguage sprache idioma langue lingua taal język språk язык 语言",
    "csat": "csat csatscore satisfaction satisfactionrating satisfactionscore rating score ratingscore customerrating"
    " feedbackscore stars bewertung zufriedenheit satisfacción calificación avaliação note satisfactie оценка 评分",
    "customer_id": "customerid requesterid clientid visitorid contactid enduserid customerkey accountid kundennummer"
    " kundenid kundennr idcliente clienteid numeroclient numéroclient klantnummer 客户id",
    "customer_name": "customername requestername clientname visitorname contactname enduser endusername fullname"
    " kundenname nombrecliente nombredelcliente nomecliente nomdelclient nomclient klantnaam имяклиента 客户姓名",
    "customer_email": "customeremail requesteremail clientemail visitoremail contactemail email emailaddress mail"
    " mailaddress useremail fromemail kundenemail correo correoelectronico correoelectrónico courriel 邮箱",
    "customer_phone": "customerphone requesterphone clientphone visitorphone contactphone phone phonenumber mobile"
    " telefon telefonnummer telefono teléfono telefone téléphone telefoonnummer callernumber callerphone телефон 电话",
    "agent_name": "agentname assignee assigneename agent operatorname repname advisorname handler owner ownername"
    " mitarbeitername bearbeiter agente nombreagente agentnaam 客服姓名",
    "agent_email": "agentemail assigneeemail operatoremail repemail",
    "conversation_created_at": "conversationcreatedat ticketcreatedat createdat created startedat starttime started"
    " opened opendate openedat createddate conversationstart date timestamp",
    "conversation_updated_at": "conversationupdatedat ticketupdatedat updatedat updated lastupdated modifiedat modified"
    " lastmodified lastmodifieddate updateddate",
}
"""Names of columns by field, the likeliest first, as `plain_name` writes them."""

_BY_WORD = {word: role for role, words in ROLES.items() for word in words}
_ASIDE = re.compile(r"[^\w]+|_+|\d+", re.UNICODE)


def plain_name(name: str) -> str:
    """Write a column's name with nothing but its letters and digits, in lower case."""
    return "".join(character for character in name.casefold() if character.isalnum())


COLUMN_RANKS: dict[str, dict[str, int]] = {
    field: {plain_name(name): rank for rank, name in reversed(list(enumerate(names.split())))}
    for field, names in COLUMNS.items()
}


UNSURE_SPEAKERS = frozenset({
    "status", "info", "contact", "lead", "event", "function", "tool", "in", "out", "member", "student", "tenant",
    "auto", "server", "trigger", "notification", "human", "developer", "note",
})  # fmt: skip
"""Role words that within a text as often start a line of details ("Contact: ...") as a turn."""

DETAILS = frozenset({
    "id", "no", "number", "name", "email", "mail", "phone", "code", "ref", "reference", "account", "type", "address",
    "details", "info", "since", "is", "says", "note", "notes", "feedback", "request", "issue", "question", "service",
})  # fmt: skip
"""What turns a role word into a line of details: "Customer number: ..."."""


def speaker_of(label: str) -> str | None:
    """Give the role of who stands before the colon of a transcript's line; stricter than `role_of`.

    Known are a role word alone, with a name or number behind it ("Agent Anna"), or beside one in brackets
    ("Anna (Agent)").
    """
    outside, _, inside = label.partition("(")
    for part in (outside, inside.rstrip(") ")):
        plain = " ".join(_ASIDE.sub(" ", part.casefold()).split())
        if plain in _BY_WORD and plain not in UNSURE_SPEAKERS:
            return _BY_WORD[plain]
    first, *rest = outside.split() or [""]
    is_named = 0 < len(rest) <= 2 and all(word[:1].isupper() and word.casefold() not in DETAILS for word in rest)
    word = first.casefold()
    return _BY_WORD.get(word) if is_named and word not in UNSURE_SPEAKERS else None


@lru_cache(maxsize=10_000)
def role_of(word: str) -> str | None:
    """Give the role that a word means: "Kunde", "end-user", "Agent 2", "support (Anna)"; None where it is not known.

    A word of several parts has a role where its known parts agree on one.
    """
    plain = " ".join(_ASIDE.sub(" ", word.casefold()).split())
    if plain in _BY_WORD:
        return _BY_WORD[plain]
    roles = {_BY_WORD[part] for part in plain.split() if part in _BY_WORD and len(part) > 2}
    return roles.pop() if len(roles) == 1 else None


def name_in(label: str) -> str:
    """Give the name in a speaker's label: "Anna" of "Agent Anna" and "Anna (Support)", nothing of "Customer 2"."""
    parts = _ASIDE.sub(" ", label).split()
    return " ".join(part for part in parts if part.casefold() not in _BY_WORD)


def kind_of(word: str) -> str | None:
    """Give the kind of turn that a word means, or None."""
    plain = " ".join(_ASIDE.sub(" ", word.casefold()).split())
    return next((kind for kind, words in KINDS.items() if plain in words), None)
