" leadflow for Vim and Neovim. Written by `leadflow grammar export`. Do not edit.
if exists("b:current_syntax")
  finish
endif

syntax case match
syntax sync fromstart

syntax match leadflowCodePlain /\v%(%([A-Za-z_]|[^\d1-\d127])%([A-Za-z0-9_]|[^\d1-\d127])*)/
syntax match leadflowCodeKeyword /\v%(%(leadflow|profile|expect|policy|replay|after|agent|const|until|flow|mock|most|test|tool|type|undo|per|run|use|as|at|on))%([A-Za-z0-9_]|[^\d1-\d127])@!%([ \t]*[.,)\]}=?|+*\d47%<>!])@!/
syntax match leadflowCodeKeyword /\v%(%(parallel|repeat|return|await|catch|match|yield|case|else|fail|race|step|then|when|with|for|let|try|do|fn|if))%([A-Za-z0-9_]|[^\d1-\d127])@!/
syntax match leadflowCodeOperator /\v%(%(and|not|in|or))%([A-Za-z0-9_]|[^\d1-\d127])@!/
syntax match leadflowCodeConstant /\v%(%(false|none|true))%([A-Za-z0-9_]|[^\d1-\d127])@!/
syntax match leadflowCodeKeyword /\v%(%(profile|policy|agent|const|flow|tool|type))%([A-Za-z0-9_]|[^\d1-\d127])@!%([ \t]*[.,)\]}=?|+*\d47%<>!])@!/ nextgroup=@leadflowDeclaration skipwhite skipnl skipempty
syntax match leadflowCodeKeyword /\v%(%(step|let))%([A-Za-z0-9_]|[^\d1-\d127])@!/ nextgroup=@leadflowDeclaration skipwhite skipnl skipempty
syntax match leadflowCodeKey /\v%(%([A-Za-z_]|[^\d1-\d127])%([A-Za-z0-9_]|[^\d1-\d127])*)%([ \t]*\:)@=%([ \t]*\:\=)@!/
syntax match leadflowCodeAnnotation /\v%(\@[ \t]*%([A-Za-z_]|[^\d1-\d127])%([A-Za-z0-9_]|[^\d1-\d127])*)/
syntax match leadflowCodePlain /\v%(\??\.[ \t]*%([A-Za-z_]|[^\d1-\d127])%([A-Za-z0-9_]|[^\d1-\d127])*)/
syntax match leadflowCodeBad /\v%(\$?[0-9]%([0-9A-Za-z_]|[^\d1-\d127]|\.+%([0-9A-Za-z_]|[^\d1-\d127]))*)/
syntax match leadflowCodeNumber /\v%([0-9][0-9_]*)%([A-Za-z0-9_]|[^\d1-\d127])@!%(\.[0-9])@!/
syntax match leadflowCodeNumber /\v%([0-9][0-9_]*\.[0-9]+)%([A-Za-z0-9_]|[^\d1-\d127])@!%(\.[0-9])@!/
syntax match leadflowCodeNumber /\v%(\$[0-9][0-9_]*%(\.[0-9]+)?)%([A-Za-z0-9_]|[^\d1-\d127])@!%(\.[0-9])@!/
syntax match leadflowCodeNumber /\v%([0-9][0-9_]*%(\.[0-9]+)?%(KB|MB|GB))%([A-Za-z0-9_]|[^\d1-\d127])@!%(\.[0-9])@!/
syntax match leadflowCodeNumber /\v%(%([0-9][0-9_]*%(\.[0-9]+)?%(ms|s|m|h|d))+)%([A-Za-z0-9_]|[^\d1-\d127])@!%(\.[0-9])@!/
syntax region leadflowCodeStringRegion start=/\v%(\")/ end=/\v%(\")/ end=/$/ contains=@leadflowString
syntax region leadflowCodeBlockRegion start=/\v%(\"\"\")/ end=/\v%(\"\"\")/ contains=@leadflowBlock
syntax match leadflowCodeComment /\v%(\#.*)/

syntax match leadflowDeclarationName /\v%(%([A-Za-z_]|[^\d1-\d127])%([A-Za-z0-9_]|[^\d1-\d127])*)/ contained
syntax match leadflowDeclarationKeyword /\v%(%(parallel|repeat|return|await|catch|match|yield|case|else|fail|race|then|when|with|for|try|do|fn|if))%([A-Za-z0-9_]|[^\d1-\d127])@!/ contained
syntax match leadflowDeclarationOperator /\v%(%(and|not|in|or))%([A-Za-z0-9_]|[^\d1-\d127])@!/ contained
syntax match leadflowDeclarationConstant /\v%(%(false|none|true))%([A-Za-z0-9_]|[^\d1-\d127])@!/ contained
syntax match leadflowDeclarationKeyword /\v%(%(step|let))%([A-Za-z0-9_]|[^\d1-\d127])@!%([ \t]*\:)@!/ contained nextgroup=@leadflowDeclaration skipwhite skipnl skipempty
syntax match leadflowDeclarationName /\v%(%([A-Za-z_]|[^\d1-\d127])%([A-Za-z0-9_]|[^\d1-\d127])*)%([ \t]*\:)@=%([ \t]*\:\=)@!/ contained
syntax match leadflowDeclarationComment /\v%(\#.*)/ contained nextgroup=@leadflowDeclaration skipwhite skipnl skipempty
syntax cluster leadflowDeclaration contains=leadflowDeclarationComment,leadflowDeclarationName,leadflowDeclarationKeyword,leadflowDeclarationConstant,leadflowDeclarationOperator

syntax region leadflowStringHoleRegion matchgroup=leadflowHoleHole start=/\v%(\$\{)%([^{}"]*%(\"%([^"\\$]|\\.|\$+%([^{"\\$]|\\.))*\$*\"[^{}"]*)*\})@=/ end=/\v%(\})/ contains=@leadflowHole contained
syntax match leadflowStringEscape /\v%(\\.)/ contained
syntax match leadflowStringEscape /\v%(\\u\{[0-9A-Fa-f]*\})/ contained
syntax match leadflowStringEscape /\v%(\$\$\{)/ contained
syntax cluster leadflowString contains=leadflowStringEscape,leadflowStringHoleRegion

syntax region leadflowBlockHoleRegion matchgroup=leadflowHoleHole start=/\v%(\$\{)%([^{}"]*%(\"%([^"\\$]|\\.|\$+%([^{"\\$]|\\.))*\$*\"[^{}"]+)*%(\"%([^"\\$]|\\.|\$+%([^{"\\$]|\\.))*\$*\")?\})@=/ end=/\v%(\})/ contains=@leadflowHole contained
syntax match leadflowBlockEscape /\v%(\\.)/ contained
syntax match leadflowBlockEscape /\v%(\\u\{[0-9A-Fa-f]*\})/ contained
syntax match leadflowBlockEscape /\v%(\$\$\{)/ contained
syntax cluster leadflowBlock contains=leadflowBlockEscape,leadflowBlockHoleRegion

syntax match leadflowHolePlain /\v%(%([A-Za-z_]|[^\d1-\d127])%([A-Za-z0-9_]|[^\d1-\d127])*)/ contained
syntax match leadflowHoleKeyword /\v%(%(leadflow|profile|expect|policy|replay|after|agent|const|until|flow|mock|most|test|tool|type|undo|per|run|use|as|at|on))%([A-Za-z0-9_]|[^\d1-\d127])@!%([ \t]*[.,)\]}=?|+*\d47%<>!])@!/ contained
syntax match leadflowHoleKeyword /\v%(%(parallel|repeat|return|await|catch|match|yield|case|else|fail|race|step|then|when|with|for|let|try|do|fn|if))%([A-Za-z0-9_]|[^\d1-\d127])@!/ contained
syntax match leadflowHoleOperator /\v%(%(and|not|in|or))%([A-Za-z0-9_]|[^\d1-\d127])@!/ contained
syntax match leadflowHoleConstant /\v%(%(false|none|true))%([A-Za-z0-9_]|[^\d1-\d127])@!/ contained
syntax match leadflowHoleKey /\v%(%([A-Za-z_]|[^\d1-\d127])%([A-Za-z0-9_]|[^\d1-\d127])*)%([ \t]*\:)@=%([ \t]*\:\=)@!/ contained
syntax match leadflowHoleAnnotation /\v%(\@[ \t]*%([A-Za-z_]|[^\d1-\d127])%([A-Za-z0-9_]|[^\d1-\d127])*)/ contained
syntax match leadflowHolePlain /\v%(\??\.[ \t]*%([A-Za-z_]|[^\d1-\d127])%([A-Za-z0-9_]|[^\d1-\d127])*)/ contained
syntax match leadflowHoleBad /\v%(\$?[0-9]%([0-9A-Za-z_]|[^\d1-\d127]|\.+%([0-9A-Za-z_]|[^\d1-\d127]))*)/ contained
syntax match leadflowHoleNumber /\v%([0-9][0-9_]*)%([A-Za-z0-9_]|[^\d1-\d127])@!%(\.[0-9])@!/ contained
syntax match leadflowHoleNumber /\v%([0-9][0-9_]*\.[0-9]+)%([A-Za-z0-9_]|[^\d1-\d127])@!%(\.[0-9])@!/ contained
syntax match leadflowHoleNumber /\v%(\$[0-9][0-9_]*%(\.[0-9]+)?)%([A-Za-z0-9_]|[^\d1-\d127])@!%(\.[0-9])@!/ contained
syntax match leadflowHoleNumber /\v%([0-9][0-9_]*%(\.[0-9]+)?%(KB|MB|GB))%([A-Za-z0-9_]|[^\d1-\d127])@!%(\.[0-9])@!/ contained
syntax match leadflowHoleNumber /\v%(%([0-9][0-9_]*%(\.[0-9]+)?%(ms|s|m|h|d))+)%([A-Za-z0-9_]|[^\d1-\d127])@!%(\.[0-9])@!/ contained
syntax region leadflowHolePlainRegion start=/\v%(\")/ end=/\v%(\")/ contains=@leadflowPlain contained
syntax match leadflowHoleComment /\v%(\#[^{}"]*%(\"%([^"\\$]|\\.|\$+%([^{"\\$]|\\.))*\$*\"[^{}"]*)*)/ contained
syntax cluster leadflowHole contains=leadflowHoleComment,leadflowHolePlainRegion,leadflowHoleNumber,leadflowHoleBad,leadflowHolePlain,leadflowHoleAnnotation,leadflowHoleKey,leadflowHoleConstant,leadflowHoleOperator,leadflowHoleKeyword

syntax match leadflowPlainEscape /\v%(\\.)/ contained
syntax cluster leadflowPlain contains=leadflowPlainEscape

highlight default link leadflowBlockEscape SpecialChar
highlight default link leadflowBlockHole Delimiter
highlight default link leadflowCodeAnnotation PreProc
highlight default link leadflowCodeBad Error
highlight default link leadflowCodeBlockRegion String
highlight default link leadflowCodeComment Comment
highlight default link leadflowCodeConstant Constant
highlight default link leadflowCodeKey Identifier
highlight default link leadflowCodeKeyword Statement
highlight default link leadflowCodeNumber Number
highlight default link leadflowCodeOperator Operator
highlight default link leadflowCodeString String
highlight default link leadflowCodeStringRegion String
highlight default link leadflowDeclarationComment Comment
highlight default link leadflowDeclarationConstant Constant
highlight default link leadflowDeclarationKeyword Statement
highlight default link leadflowDeclarationName Function
highlight default link leadflowDeclarationOperator Operator
highlight default link leadflowHoleAnnotation PreProc
highlight default link leadflowHoleBad Error
highlight default link leadflowHoleComment Comment
highlight default link leadflowHoleConstant Constant
highlight default link leadflowHoleHole Delimiter
highlight default link leadflowHoleKey Identifier
highlight default link leadflowHoleKeyword Statement
highlight default link leadflowHoleNumber Number
highlight default link leadflowHoleOperator Operator
highlight default link leadflowHolePlainRegion String
highlight default link leadflowHoleString String
highlight default link leadflowPlainEscape SpecialChar
highlight default link leadflowStringEscape SpecialChar
highlight default link leadflowStringHole Delimiter

let b:current_syntax = "leadflow"
