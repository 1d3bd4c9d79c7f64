"""Phrases of simulated COPOM texts, in Portuguese: by topic, dovish, neutral and hawkish variants.

Belongs here: words only. Does not belong here: which of them is said when (`texts`).
"""

from __future__ import annotations

from collections.abc import Mapping

Variants = tuple[str, ...]
# Fillers of {when} and {how}: they carry no signal.
WHEN: Variants = ("desde a última reunião", "nas leituras mais recentes", "no período recente", "na margem")
HOW: Variants = ("em linha com o esperado", "com alguma volatilidade", "na avaliação do Comitê", "de maneira geral")

PHRASES: Mapping[str, tuple[Variants, Variants, Variants]] = {
    "external": (
        (
            "O ambiente externo tornou-se mais benigno {when}, com arrefecimento das pressões inflacionárias globais.",
            "A desaceleração da economia mundial reduz os preços das commodities e favorece a desinflação, {how}.",
            "As condições financeiras globais melhoraram {when}, com maior apetite ao risco em economias emergentes.",
        ),
        (
            "O ambiente externo segue misto {when}, com sinais distintos entre as principais economias.",
            "A economia global evolui {how}, sem alteração relevante no balanço para economias emergentes.",
            "O cenário internacional permanece incerto, mas com volatilidade semelhante à observada {when}.",
        ),
        (
            "O ambiente externo deteriorou-se {when}, com pressões inflacionárias globais mais persistentes.",
            "A alta das commodities e o aperto das condições financeiras globais exigem maior cautela, {how}.",
            "A volatilidade externa aumentou {when} e pressiona a taxa de câmbio de economias emergentes.",
        ),
    ),
    "activity": (
        (
            "A atividade econômica desacelerou {when} e o hiato do produto ampliou-se no terreno desinflacionário.",
            "Os indicadores de atividade vieram abaixo do esperado, com ociosidade elevada e demanda enfraquecida.",
            "O mercado de trabalho mostra arrefecimento {when}, e o consumo das famílias perde ímpeto.",
        ),
        (
            "A atividade econômica evolui {how}, com crescimento moderado {when}.",
            "O conjunto dos indicadores de atividade segue consistente com o cenário básico do Comitê.",
            "O mercado de trabalho permanece estável {when}, sem surpresas para o cenário do Comitê.",
        ),
        (
            "A atividade econômica segue mais dinâmica que o esperado {when}, com hiato do produto apertado.",
            "O mercado de trabalho está aquecido e a demanda doméstica robusta sustenta reajustes de preços.",
            "Os indicadores de atividade surpreenderam para cima {when}, com pouca ociosidade remanescente.",
        ),
    ),
    "inflation": (
        (
            "A inflação ao consumidor recuou {when} e as medidas de núcleo caminham para patamar confortável.",
            "Os núcleos de inflação desaceleraram, inclusive nos componentes mais sensíveis ao ciclo, {how}.",
            "O processo de desinflação avançou {when}, com surpresas baixistas disseminadas.",
        ),
        (
            "A inflação ao consumidor evoluiu {how}, com núcleos em níveis compatíveis com o cenário básico.",
            "As medidas de inflação subjacente ficaram estáveis {when}.",
            "O comportamento da inflação {when} não alterou de modo relevante as projeções do Comitê.",
        ),
        (
            "A inflação ao consumidor segue elevada {when} e as medidas de núcleo estão acima da meta.",
            "Os núcleos aceleraram, com pressões disseminadas sobretudo em serviços, {how}.",
            "A inflação mostrou-se mais persistente que o antecipado {when}, com surpresas altistas.",
        ),
    ),
    "expectations": (
        (
            "As expectativas de inflação, em torno de {expected}% para doze meses, recuaram e seguem ancoradas.",
            "A pesquisa Focus mostra queda das expectativas, hoje perto de {expected}%, reforçando a ancoragem.",
        ),
        (
            "As expectativas de inflação apuradas pela pesquisa Focus encontram-se em torno de {expected}%.",
            "As expectativas para doze meses situam-se em {expected}%, com pouca variação {when}.",
        ),
        (
            "As expectativas de inflação, em torno de {expected}%, desancoraram-se adicionalmente {when}.",
            "A pesquisa Focus mostra alta das expectativas, hoje em {expected}%, o que eleva o custo de desinflação.",
        ),
    ),
    "fiscal": (
        (
            "A disciplina fiscal e o avanço das reformas reduzem a taxa de juros estrutural, {how}.",
            "A evolução recente das contas públicas contribuiu para a queda dos prêmios de risco.",
        ),
        (
            "O Comitê segue acompanhando a política fiscal e seus efeitos sobre os preços de ativos.",
            "O cenário fiscal não mudou de modo relevante {when}.",
        ),
        (
            "Estímulos fiscais adicionais elevam os prêmios de risco e a taxa de juros neutra, {how}.",
            "A incerteza sobre o arcabouço fiscal pressiona o câmbio e as expectativas {when}.",
        ),
    ),
    "risks": (
        (
            "O balanço de riscos tem viés baixista, dada a ociosidade e a inércia favorável da inflação.",
            "Predominam os riscos de que a inflação fique abaixo do projetado no horizonte relevante.",
        ),
        (
            "O Comitê avalia que os riscos para a inflação são simétricos, em ambas as direções.",
            "O balanço de riscos permanece equilibrado {when}.",
        ),
        (
            "O balanço de riscos é assimétrico para cima, com maior persistência das pressões inflacionárias.",
            "Predominam os riscos altistas para o cenário inflacionário e para as expectativas.",
        ),
    ),
    "strategy": (
        (
            "A consolidação da desinflação abre espaço para uma política monetária menos contracionista.",
            "O Comitê avalia que já se acumulou restrição suficiente e que há espaço para flexibilização.",
        ),
        (
            "O Comitê avalia que o estágio atual da política monetária é adequado ao cenário básico.",
            "O Copom entende que a estratégia em curso é compatível com a convergência da inflação à meta.",
        ),
        (
            "O Comitê avalia que é apropriado avançar em território contracionista até a convergência à meta.",
            "O cenário exige política monetária significativamente restritiva por período prolongado.",
        ),
    ),
    "guidance": (
        (
            "Confirmado o cenário, o Comitê antevê redução da taxa básica nas próximas reuniões.",
            "O Copom vê como adequada a continuidade da flexibilização monetária no próximo encontro.",
        ),
        (
            "Os próximos passos dependerão da evolução da atividade, do balanço de riscos e das projeções.",
            "O Comitê seguirá vigilante e ajustará a política monetária conforme as novas informações.",
        ),
        (
            "Confirmado o cenário, o Comitê antevê elevação adicional da taxa básica nas próximas reuniões.",
            "O Copom não hesitará em prosseguir no ciclo de aperto caso a desinflação não ocorra como esperado.",
        ),
    ),
}
# What is said of the decision: cut, kept, raised.
VERB = ("reduzir", "manter", "elevar")
TITLE = ("reduz", "mantém", "eleva")
UNANIMOUS = ", por unanimidade,"
# Who votes against wants what the tone says.
DISSENT = ("uma taxa menor", "a mesma taxa com outra comunicação", "uma taxa maior")
SECTIONS = ("A) Atualização da conjuntura", "B) Cenários e análise de riscos", "C) Discussão", "D) Decisão")
MONTHS = (
    "janeiro", "fevereiro", "março", "abril", "maio", "junho",
    "julho", "agosto", "setembro", "outubro", "novembro", "dezembro",
)  # fmt: skip
