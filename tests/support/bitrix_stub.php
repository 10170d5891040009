<?php
// A stub of 1C-Bitrix: the classes and functions that the component uses, as small as they can be; then what it prints.
// php bitrix_stub.php '{"params": {…}, "language": "ru", "admin": bool}'

namespace Bitrix\Main\Localization {
	class Loc {
		private static $texts = array();
		/** Of the file's own folder lang/…, as Bitrix does; in a template's folder as well. */
		public static function loadMessages( $file ) {
			$MESS = array();
			require dirname( $file ) . "/lang/{$GLOBALS['asked']['language']}/" . basename( $file );
			self::$texts = $MESS + self::$texts;
		}
		public static function getMessage( $key ) {
			if ( ! isset( self::$texts[ $key ] ) ) {
				throw new \Exception( "no text $key" );
			}
			return self::$texts[ $key ];
		}
	}
}

namespace Bitrix\Main\Page {
	class Asset {
		public static function getInstance() { return new self(); }
		public function addString( $text, $once ) { $GLOBALS['told']['head'][] = $text; }
	}
}

namespace {
	error_reporting( E_ALL );
	set_error_handler( function ( $number, $text, $file, $line ) { throw new ErrorException( $text, 0, $number, $file, $line ); } );

	define( 'B_PROLOG_INCLUDED', true );
	define( 'COMPONENT', dirname( __DIR__, 2 ) . '/embed_examples/bitrix/component/igrajdanin/widget' );
	$asked = json_decode( $argv[1], true );
	$told  = array( 'head' => array(), 'errors' => array() );

	function htmlspecialcharsbx( $text ) { return htmlspecialchars( $text, ENT_QUOTES, 'UTF-8' ); }
	function ShowError( $text ) { $GLOBALS['told']['errors'][] = $text; }

	class CBitrixComponent {
		public $arParams = array();
		public $arResult = array();
		public function __construct( array $given ) {
			foreach ( $given as $name => $value ) {
				$this->arParams[ $name ]    = htmlspecialchars( $value, ENT_QUOTES, 'UTF-8' );
				$this->arParams[ "~$name" ] = $value;
			}
		}
		public function includeComponentTemplate() {
			$arResult = $this->arResult;
			require COMPONENT . '/templates/.default/template.php';
		}
	}

	$USER = new class( ! empty( $asked['admin'] ) ) {
		private $admin;
		public function __construct( $admin ) { $this->admin = $admin; }
		public function IsAdmin() { return $this->admin; }
	};

	require COMPONENT . '/.description.php';
	require COMPONENT . '/.parameters.php';
	require COMPONENT . '/class.php';
	ob_start();
	( new IgrajdaninWidgetComponent( $asked['params'] ) )->executeComponent();
	$told += array( 'printed' => ob_get_clean(), 'description' => $arComponentDescription, 'parameters' => $arComponentParameters['PARAMETERS'] );
	echo json_encode( $told, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES );
}
