; Links quipu://... open the app of this user. Gone with it, unless another program has taken them since.
!macro customInstall
  WriteRegStr SHELL_CONTEXT "Software\Classes\quipu" "" "URL:Quipu"
  WriteRegStr SHELL_CONTEXT "Software\Classes\quipu" "URL Protocol" ""
  WriteRegStr SHELL_CONTEXT "Software\Classes\quipu\DefaultIcon" "" "$appExe,0"
  WriteRegStr SHELL_CONTEXT "Software\Classes\quipu\shell\open\command" "" '"$appExe" "%1"'
!macroend

!macro customUnInstall
  ReadRegStr $R0 SHELL_CONTEXT "Software\Classes\quipu\shell\open\command" ""
  ${if} $R0 == '"$INSTDIR\${APP_EXECUTABLE_FILENAME}" "%1"'
    DeleteRegKey SHELL_CONTEXT "Software\Classes\quipu"
  ${endIf}
!macroend
