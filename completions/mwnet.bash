# bash completion for mwnet; option keys come from the program itself.
_mwnet()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "try train eval predict inspect fetch list info bench audit why cv apply export score table sweep help --help --version" -- "$cur"))
        return
    fi
    case $prev in
    --format)
        COMPREPLY=($(compgen -W "csv npy" -- "$cur"))
        return
        ;;
    --onnx)
        COMPREPLY=($(compgen -f -- "$cur"))
        return
        ;;
    -o | --output | --resume)
        local what=-d
        [ "$command" = predict ] && what=-f
        COMPREPLY=($(compgen "$what" -- "$cur"))
        return
        ;;
    esac
    case $command in
    list)
        COMPREPLY=($(compgen -W "methods models readers noises options datasets --json" -- "$cur"))
        return
        ;;
    fetch)
        COMPREPLY=($(compgen -W "cifar10 cifar100 mnist fashion-mnist --from --sums --retries --quiet
            --json --help" -- "$cur") $(compgen -d -- "$cur"))
        return
        ;;
    audit)
        COMPREPLY=($(compgen -W "--output --pred-probs --fail-over --top --weights --json --help" \
            -- "$cur") $(compgen -d -- "$cur"))
        return
        ;;
    why | apply | score)
        COMPREPLY=($(compgen -W "--output --weight-net --json --help" -- "$cur") $(compgen -f -- "$cur"))
        return
        ;;
    try | train | eval | predict | export | cv | inspect | table | sweep)
        local flags="--json --help"
        [ "$command" = inspect ] || flags="$flags --threads"
        [ "$command" = try ] && flags="$flags --output --meta --quiet"
        [ "$command" = cv ] && flags="$flags --output --folds --fold --quiet"
        [ "$command" = table ] && flags="$flags --output --seeds --only --jobs --budget --dry-run --quiet"
        [ "$command" = sweep ] && flags="$flags --output --seeds --jobs --dry-run --quiet"
        [ "$command" = predict ] && flags="$flags --output --format --quiet"
        [ "$command" = export ] && flags="--json --help --onnx --weight-net"
        [ "$command" = train ] && flags="$flags --output --resume --dry-run --quiet"
        case $cur in
        -*)
            COMPREPLY=($(compgen -W "$flags" -- "$cur"))
            return
            ;;
        *.*=*) return ;;
        [a-z]*)
            local keys
            keys=$(mwnet list options --json 2>/dev/null | tail -n 1 |
                grep -oE '"key": *"[^"]*"' | sed 's/.*"\([^"]*\)"$/\1=/')
            COMPREPLY=($(compgen -W "$keys" -- "$cur"))
            [ "${#COMPREPLY[@]}" -gt 0 ] && compopt -o nospace
            ;;
        esac
        COMPREPLY+=($(compgen -f -- "$cur"))
        ;;
    bench)
        COMPREPLY=($(compgen -W "--only --threads --json --help" -- "$cur"))
        ;;
    *)
        COMPREPLY=($(compgen -f -W "--json --help" -- "$cur"))
        ;;
    esac
}
complete -o filenames -F _mwnet mwnet
