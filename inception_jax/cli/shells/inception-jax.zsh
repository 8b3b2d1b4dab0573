#compdef inception-jax
# Completion of inception-jax in zsh, made by `inception-jax completion zsh`.

_inception_jax_topic() {
  case $1 in
@TOPICS@
  esac
}

# Adds the words of a topic, or the paths that it stands for; false if it has none.
_inception_jax_words() {
  local word text
  local -a ended open
  while IFS=$'\t' read -r word text; do
    case $word in
      '') ;;
      @pages) _files -g '*.py(-.)'; return 0 ;;
      @files) _files; return 0 ;;
      @*) _files -/; return 0 ;;
      *[=.]) open+=("${word//:/\\:}:$text") ;;
      *) ended+=("${word//:/\\:}:$text") ;;
    esac
  done < <(_inception_jax_topic $1)
  (( $#ended + $#open )) || return 1
  (( $#ended )) && _describe $2 ended
  (( $#open )) && _describe $2 open -S ''
  return 0
}

_inception_jax() {
  local word command action key value
  for word in "${(@)words[2,CURRENT-1]}"; do
    case $word in
      --) command= action= ;;
      -*) ;;
      *) if [[ -z $command ]]; then command=$word; elif [[ -z $action ]]; then action=$word; fi ;;
    esac
  done
  [[ -n $action && -z $(_inception_jax_topic "actions $command") ]] && action=
  local name="$command${action:+ $action}"
  case $PREFIX in
    --*=*)
      key=${${PREFIX%%=*}#--config.}
      compset -P '*='
      if [[ $key == --config ]]; then
        [[ -z $PREFIX && -d configs ]] && { compadd -S '' -- configs/; return }
        _files -g '*.py(-.)'
      else
        _inception_jax_words "values $key" value || _files
      fi ;;
    --config.*.*) key=${PREFIX#--config.}; _inception_jax_words "keys ${key%%.*}" key ;;
    --config.*) _inception_jax_words keys section ;;
    -*) _inception_jax_words "flags $name" flag ;;
    *)
      if [[ -z $command ]]; then
        _inception_jax_words commands command
      elif [[ -z $action ]] && _inception_jax_words "actions $command" action; then
        :
      else
        _inception_jax_words "words $name" word || _files
      fi ;;
  esac
}

if [[ ${funcstack[1]} == _inception-jax ]]; then  # autoloaded from $fpath
  _inception_jax "$@"
else
  compdef _inception_jax inception-jax
fi
