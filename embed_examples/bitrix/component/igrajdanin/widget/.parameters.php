<?php
/** The settings that an editor sees in the component's window. */

if (!defined('B_PROLOG_INCLUDED') || B_PROLOG_INCLUDED !== true) {
    die();
}

use Bitrix\Main\Localization\Loc;

Loc::loadMessages(__FILE__);

$list = static function (string $name, array $values): array {
    $names = ['' => Loc::getMessage('IGRAJDANIN_AS_IN_CODE')];
    foreach ($values as $value) {
        $names[$value] = Loc::getMessage('IGRAJDANIN_' . $name . '_' . strtoupper(strtr($value, '-', '_')));
    }

    return [
        'PARENT'  => 'BASE',
        'NAME'    => Loc::getMessage('IGRAJDANIN_' . $name),
        'TYPE'    => 'LIST',
        'VALUES'  => $names,
        'DEFAULT' => '',
    ];
};
$line = static function (string $name): array {
    return ['PARENT' => 'BASE', 'NAME' => Loc::getMessage('IGRAJDANIN_' . $name), 'TYPE' => 'STRING', 'DEFAULT' => ''];
};

$arComponentParameters = [
    'PARAMETERS' => [
        'CODE'     => $line('CODE'),
        'TYPE'     => $list('TYPE', ['extended', 'basic']),
        'VIEW'     => $list('VIEW', ['button', 'inline', 'figures']),
        'THEME'    => $list('THEME', ['auto', 'light', 'dark', 'contrast', 'contrast-black', 'contrast-blue']),
        'CATEGORY' => $line('CATEGORY'),
        'LANG'     => $line('LANG'),
    ],
];
